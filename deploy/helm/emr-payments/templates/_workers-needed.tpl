{{/*
The number of workers whose places would hold the jobs under work and those that wait for a place, by the kind that needs most. The jobs that wait alone
would be none as soon as there are enough workers, and would take them away again.
*/}}
{{- define "emr-payments.workersNeeded" -}}
{{- $in := printf "{namespace=\"%s\"}" .Release.Namespace -}}
max((sum by (kind) (emr_payments_places_taken{{ $in }}) + max by (kind) (emr_payments_jobs_waiting_for_places{{ $in }})) / avg by (kind) (emr_payments_places{{ $in }}))
{{- end -}}
