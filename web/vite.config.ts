// How Vite bundles the browser pages: one HTML file each, with hashed files under assets/.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/',
  plugins: [react()],
  // A cargo run beside `vite` answers the API while a page is being worked on.
  server: { proxy: { '/graphql': 'http://127.0.0.1:8080' } },
  build: {
    target: 'es2022',
    // Nothing is inlined as a data: URL, so that the pages need no data: fonts or images of ours.
    assetsInlineLimit: 0,
    // The editor's core is one large chunk by nature.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      // GraphiQL's files carry directives for a compiler that has already run over them.
      checks: { moduleLevelDirective: false },
      // Another page is another line here.
      input: { graphiql: 'graphiql.html' },
    },
  },
});
