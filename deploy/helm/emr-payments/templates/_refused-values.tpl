{{/*
Stops the rendering for values that contradict one another, which a schema cannot compare. Kubernetes would refuse the objects that they make,
some of them only after others were changed.
*/}}
{{- define "emr-payments.refuseValues" -}}
{{- range $name, $process := dict "api" .Values.api "worker" .Values.worker -}}
{{- with $process.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "%s.autoscaling.minReplicas (%v) is more than %s.autoscaling.maxReplicas (%v). Give the most at least the value of the fewest." $name .minReplicas $name .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $paths := dict "/tmp" "the folder for temporary files" "/etc/emr-payments/secrets" "the files of the secrets" -}}
{{- range $n, $file := .Values.files -}}
{{- $path := clean $file.path -}}
{{- with get $paths $path -}}
{{- fail (printf "files[%d].path is %s, where %s are already. Give each a path of its own." $n $path .) -}}
{{- end -}}
{{- $_ := set $paths $path (printf "files[%d]" $n) -}}
{{- end -}}
{{- end -}}
