{{- define "herald.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /*
The helpers below take a component: (dict "root" $ "name" "controller" "values" .Values.controller)
*/ -}}

{{- define "herald.component" -}}
{{ include "herald.fullname" .root }}-{{ .name }}
{{- end -}}

{{- /* Cluster-wide names carry the namespace, so that releases of one name in two namespaces do not meet. */ -}}
{{- define "herald.clusterRole" -}}
{{ .root.Release.Namespace }}:{{ include "herald.component" . }}
{{- end -}}

{{- define "herald.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "herald.labels" -}}
{{ include "herald.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "herald.serviceAccount" -}}
{{- if .values.serviceAccount.create -}}
{{ default (include "herald.component" .) .values.serviceAccount.name }}
{{- else -}}
{{ default "default" .values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- /* The Secret with the keys by which speakers know each other. */ -}}
{{- define "herald.segmentSecret" -}}
{{ default (printf "%s-segment" (include "herald.fullname" .)) .Values.speaker.segmentSecret }}
{{- end -}}

{{- define "herald.image" -}}
{{ .root.Values.image.repository }}:{{ default .root.Chart.AppVersion .root.Values.image.tag }}
{{- end -}}

{{- /* No versions here: a new chart with the same image must not replace the pods. */ -}}
{{- define "herald.podMetadata" -}}
labels:
  {{- include "herald.selectorLabels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .values.podAnnotations .root.Values.prometheus.scrapeAnnotations }}
annotations:
  {{- if .root.Values.prometheus.scrapeAnnotations }}
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ .values.port | quote }}
  prometheus.io/path: /metrics
  {{- end }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* What the containers of both components have in common. */ -}}
{{- define "herald.container" -}}
image: {{ include "herald.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: ["/herald-{{ .name }}"]
args:
  - --listen={{ .root.Values.listenAddress }}:{{ .values.port }}
  - --load-balancer-class={{ .root.Values.loadBalancerClass }}
  {{- if .root.Values.requireClass }}
  - --require-class
  {{- end }}
  - --log-level={{ .values.logLevel }}
  - --log-format={{ .root.Values.logFormat }}
{{- end -}}

{{- define "herald.probes" -}}
ports:
  - name: http
    containerPort: {{ .values.port }}
    protocol: TCP
livenessProbe:
  httpGet:
    path: /livez
    port: http
  initialDelaySeconds: 5
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 3
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "herald.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
