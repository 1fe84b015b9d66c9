{{/* One rule: the ports of the peers `to`, or of every address. Takes (dict "ports" (list 5432) "to" (list …)). */}}
{{- define "emr-payments.egressTo" -}}
{{- $protocols := default (list "TCP") .protocols -}}
- ports:
    {{- range $port := .ports }}
    {{- range $protocol := $protocols }}
    - { port: {{ $port }}, protocol: {{ $protocol }} }
    {{- end }}
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* One rule: EMRs and webhook receivers, which are anywhere but in the cluster and in private networks. Takes .Values.networkPolicy. */}}
{{- define "emr-payments.egressOutside" -}}
{{- $v4 := list -}}
{{- $v6 := list -}}
{{- range .outboundExcept }}
{{- if contains ":" . }}{{ $v6 = append $v6 . }}{{ else }}{{ $v4 = append $v4 . }}{{ end }}
{{- end -}}
{{- $to := list (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $v4)) (dict "ipBlock" (dict "cidr" "::/0" "except" $v6)) -}}
{{- include "emr-payments.egressTo" (dict "ports" .outboundPorts "to" $to) -}}
{{- end -}}
