{{- define "emr-payments.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The beginning of all names. 48 characters leave room for the longest end, "-worker-metrics". */}}
{{- define "emr-payments.fullname" -}}
{{- $name := include "emr-payments.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" $ "component" "api"). A selector cannot be changed later, so no version is in it. */}}
{{- define "emr-payments.selector" -}}
app.kubernetes.io/name: {{ include "emr-payments.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "emr-payments.labels" -}}
{{ include "emr-payments.selector" . }}
app.kubernetes.io/part-of: emr-payments
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "emr-payments.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "emr-payments.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/*
The paths that the internet may reach. /operator is the API of operators, /health and /metrics are for the cluster: none of
them is here.
*/}}
{{- define "emr-payments.publicPaths" -}}
- { path: /, exact: true }
- { path: /openapi.json, exact: true }
- { path: /v1, exact: false }
- { path: /connect, exact: false }
- { path: /docs, exact: false }
{{- end -}}
