{{/* Names leave room for suffixes such as -migrate below Kubernetes' limit of 63. */}}
{{- define "thrive.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "thrive.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "thrive.name" . -}}
{{- (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "thrive.selectorLabels" -}}
app.kubernetes.io/name: {{ include "thrive.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "thrive.labels" -}}
{{ include "thrive.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "thrive.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "thrive.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "thrive.fullname" .) "default") -}}
{{- end -}}

{{- define "thrive.secretName" -}}
{{- .Values.secret.existingName | default (include "thrive.fullname" .) -}}
{{- end -}}

{{- define "thrive.migrationSecretName" -}}
{{- .Values.migration.secret.existingName | default (printf "%s-migrate" (include "thrive.fullname" .)) -}}
{{- end -}}

{{/* What both kinds of pod read. Kept here so that the pods' checksum changes with it and with nothing else. */}}
{{- define "thrive.config" -}}
THRIVE_LISTEN: "0.0.0.0:8080"
THRIVE_PUBLIC_URL: {{ .Values.publicUrl | quote }}
THRIVE_LOG: {{ .Values.log.filter | quote }}
THRIVE_LOG_FORMAT: {{ .Values.log.format | quote }}
THRIVE_MAIL_TIMEOUT_SECONDS: {{ .Values.mail.timeoutSeconds | int | quote }}
MAIL_FROM: {{ .Values.mail.from | quote }}
{{- with .Values.telemetry.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .Values.telemetry.serviceName }}
OTEL_SERVICE_NAME: {{ . | quote }}
{{- end }}
{{- with .Values.signIn }}
{{- if .issuer }}
THRIVE_OIDC_ISSUER: {{ .issuer | quote }}
THRIVE_OIDC_AUDIENCE: {{ required "signIn.audience is missing (for which the provider makes access tokens)" .audience | quote }}
THRIVE_OIDC_SCOPES: {{ .scopes | quote }}
THRIVE_OIDC_ROLES_CLAIM: {{ .rolesClaim | quote }}
{{- with .clientId }}
THRIVE_OIDC_CLIENT_ID: {{ . | quote }}
{{- end }}
{{- if .roles }}
THRIVE_OIDC_ROLES_FILE: /etc/thrive/roles/roles.toml
{{- end }}
{{- end }}
{{- end }}
THRIVE_TRUSTED_PROXIES: {{ .Values.http.trustedProxies | int | quote }}
{{- with .Values.http.allowedOrigins }}
THRIVE_ALLOWED_ORIGINS: {{ join "," . | quote }}
{{- end }}
THRIVE_INTROSPECTION: {{ .Values.http.introspection | quote }}
THRIVE_REQUESTS_PER_MINUTE: {{ .Values.http.requestsPerMinute | int | quote }}
THRIVE_COST_PER_MINUTE: {{ .Values.http.costPerMinute | int | quote }}
THRIVE_SOCKETS: {{ .Values.http.sockets | int | quote }}
THRIVE_REQUEST_TIMEOUT_SECONDS: {{ .Values.http.requestTimeoutSeconds | int | quote }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Groups and the roles they give, where the chart is told. */}}
{{- define "thrive.roles" -}}
{{- if .Values.signIn.issuer }}{{ .Values.signIn.roles }}{{ end -}}
{{- end -}}

{{- define "thrive.secret" -}}
DATABASE_URL: {{ required "secret.databaseUrl is missing (or name a Secret in secret.existingName)" .Values.secret.databaseUrl | b64enc }}
{{- with .Values.secret.directDatabaseUrl }}
THRIVE_DIRECT_DATABASE_URL: {{ . | b64enc }}
{{- end }}
{{- with .Values.secret.oidcClientSecret }}
THRIVE_OIDC_CLIENT_SECRET: {{ . | b64enc }}
{{- end }}
MAIL_URL: {{ required "secret.mailUrl is missing (or name a Secret in secret.existingName)" .Values.secret.mailUrl | b64enc }}
{{- end -}}

{{/* Pods are replaced when what they read has changed. An existing Secret cannot be seen from here. */}}
{{- define "thrive.checksums" -}}
checksum/config: {{ include "thrive.config" . | sha256sum }}
{{- with include "thrive.roles" . }}
checksum/roles: {{ . | sha256sum }}
{{- end }}
{{- if not .Values.secret.existingName }}
checksum/secret: {{ include "thrive.secret" . | sha256sum }}
{{- end }}
{{- end -}}

{{/* What every pod has in common, the migration's too, which runs before there is a ConfigMap. */}}
{{- define "thrive.pod" -}}
automountServiceAccountToken: false
# A Service named thrive would otherwise put THRIVE_PORT and the like among the program's settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- with .Values.podSecurity }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- with .Values.certificates.existingSecret }}
  - name: certificates
    secret:
      secretName: {{ . }}
  {{- end }}
  {{- if and (not .migrating) (include "thrive.roles" .) }}
  - name: roles
    configMap:
      name: {{ include "thrive.fullname" . }}-roles
  {{- end }}
{{- end -}}

{{- define "thrive.container" -}}
image: {{ include "thrive.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if .Values.certificates.existingSecret }}
  - name: certificates
    mountPath: /etc/thrive/certificates
    readOnly: true
  {{- end }}
  {{- if and (not .migrating) (include "thrive.roles" .) }}
  - name: roles
    mountPath: /etc/thrive/roles
    readOnly: true
  {{- end }}
{{- end -}}

{{/* Liveness asks only whether the process works: a database that is away must not get pods restarted. */}}
{{- define "thrive.probes" -}}
startupProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
{{- end -}}

{{/* Takes (list context component). Counts only pods of the same rollout, so that old ones do not skew the spread. */}}
{{- define "thrive.spread" -}}
{{- $context := index . 0 -}}
{{- $component := index . 1 -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "thrive.selectorLabels" $context | nindent 8 }}
        app.kubernetes.io/component: {{ $component }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}

{{/* Egress everybody needs: names and the database. */}}
{{- define "thrive.egress" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{ include "thrive.egressTo" .Values.networkPolicy.database }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "thrive.egressTo" -}}
- ports:
    {{- range .ports }}
    - { port: {{ . | int }}, protocol: TCP }
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
