// The API explorer: GraphiQL, talking to the GraphQL endpoint of the service that served the page.
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './graphiql.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';

const tour = `# Welcome to Thrive. The play button, or
# Ctrl-Enter, runs the query below, which
# anyone may. For other data, add your token
# in the Headers tab at the bottom:
#
#   { "Authorization": "Bearer ..." }
#
# The book icon on the left opens the
# documentation of every type and field.

query Tour {
  # Where money comes from, then and now.
  fundingStreams {
    code
    name
    effectiveFrom
    successor {
      code
    }
  }

  # Five cities with their counties.
  cities(first: 5) {
    totalCount
    edges {
      node {
        name
        county {
          name
        }
        population
      }
    }
  }
}
`;

createRoot(document.getElementById('root')!).render(
  <GraphiQL
    fetcher={createGraphiQLFetcher({ url: '/graphql' })}
    defaultQuery={tour}
    defaultEditorToolsVisibility="headers"
    isHeadersEditorEnabled
    // A token typed into the Headers tab is never written to the browser's storage.
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
  >
    <GraphiQL.Logo>Thrive</GraphiQL.Logo>
  </GraphiQL>,
);
