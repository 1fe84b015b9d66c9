{{/* The part of a pod that is the same for every process. */}}
{{- define "emr-payments.pod" -}}
automountServiceAccountToken: false
# Otherwise Kubernetes adds a variable for each Service of the namespace.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  # The image's account `node`.
  runAsUser: 1000
  runAsGroup: 1000
  # The group that may read the files of secrets.
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.pod.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Spreads the pods of one version over the nodes where it can. Takes (dict "root" $ "component" "api"). */}}
{{- define "emr-payments.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "emr-payments.selector" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end -}}

{{/* The part of a container that is the same for every process. */}}
{{- define "emr-payments.container" -}}
{{- $image := .Values.image -}}
image: {{ if $image.digest }}{{ printf "%s@%s" $image.repository $image.digest }}{{ else }}{{ printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}{{ end }}
imagePullPolicy: {{ $image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/*
The variables of a process. Takes (dict "root" $ "secret" .Values.secrets.service "settings" (dict …)). Numbers go through toJson, because a
template prints 1000000 as 1e+06.
*/}}
{{- define "emr-payments.env" -}}
{{- range $variable, $key := .secret.variables }}
- { name: {{ $variable }}_FILE, value: /etc/emr-payments/secrets/{{ $variable }} }
{{- end }}
{{- range $variable, $value := .settings }}
- { name: {{ $variable }}, value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }} }
{{- end }}
{{- with .root.Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "emr-payments.mounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: secrets, mountPath: /etc/emr-payments/secrets, readOnly: true }
{{- range $n, $file := .Values.files }}
- { name: files-{{ $n }}, mountPath: {{ $file.path | quote }}, readOnly: true }
{{- end }}
{{- end -}}

{{/* Takes (dict "root" $ "secret" .Values.secrets.service). */}}
{{- define "emr-payments.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
- name: secrets
  secret:
    secretName: {{ .secret.name }}
    defaultMode: 0440
    items:
      {{- range $variable, $key := .secret.variables }}
      - { key: {{ $key | quote }}, path: {{ $variable }} }
      {{- end }}
{{- range $n, $file := .root.Values.files }}
- name: files-{{ $n }}
  {{- if $file.secret }}
  secret: { secretName: {{ $file.secret }}, defaultMode: 0440 }
  {{- else }}
  configMap: { name: {{ $file.configMap }} }
  {{- end }}
{{- end }}
{{- end -}}

{{/*
The annotations of the pods of API and worker. Secrets are read at the start only, so a Secret that was changed replaces the pods at the next
upgrade. Its version is used and not its checksum: a checksum could be compared with guesses. Where nothing can be looked up
(`helm template`, and tools that use it) there is no such annotation.
*/}}
{{- define "emr-payments.podAnnotations" -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace .Values.secrets.service.name -}}
{{- if or $secret .Values.pod.annotations -}}
annotations:
  {{- with $secret }}
  emr-payments/secret-version: {{ .metadata.resourceVersion | quote }}
  {{- end }}
  {{- with .Values.pod.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Milliseconds as whole seconds, rounded up. */}}
{{- define "emr-payments.seconds" -}}
{{- div (add (int64 .) 999) 1000 -}}
{{- end -}}
