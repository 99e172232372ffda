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

{{- define "herald.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end -}}

{{- /*
The helpers below take a component: (dict "root" $ "name" "controller" "values" .Values.controller)
*/ -}}

{{- define "herald.component" -}}
{{ include "herald.fullname" .root }}-{{ .name }}
{{- end -}}

{{- /* Cluster-wide names carry the namespace, so that releases of one name in two namespaces do not meet. */ -}}
{{- define "herald.clusterRole" -}}
{{ include "herald.namespace" .root }}:{{ include "herald.component" . }}
{{- end -}}

{{- /* Likewise, for kinds whose names may have no colon; namespaces have no dot. */ -}}
{{- define "herald.clusterName" -}}
{{ include "herald.namespace" .root }}.{{ include "herald.component" . }}
{{- end -}}

{{- define "herald.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- /* Labels, and annotations where there are any: those of all objects, and those of "labels" and "annotations". */ -}}
{{- define "herald.metadata" -}}
{{- $chart := dict
  "app.kubernetes.io/part-of" "herald"
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") }}
{{- $selector := include "herald.selectorLabels" . | fromYaml -}}
labels:
  {{- include "herald.override" (list $chart .root.Values.commonLabels .labels $selector) | nindent 2 }}
{{- if or .root.Values.commonAnnotations .annotations }}
annotations:
  {{- include "herald.override" (list .root.Values.commonAnnotations .annotations) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "herald.serviceAccount" -}}
{{- if .values.serviceAccount.create -}}
{{ default (include "herald.component" .) .values.serviceAccount.name }}
{{- else -}}
{{ default "default" .values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- /* How the API server calls it. */ -}}
{{- define "herald.user" -}}
system:serviceaccount:{{ include "herald.namespace" .root }}:{{ include "herald.serviceAccount" . }}
{{- end -}}

{{- /* The Secret with the keys by which speakers know each other. */ -}}
{{- define "herald.segmentSecret" -}}
{{ default (printf "%s-segment" (include "herald.fullname" .)) .Values.speaker.segmentSecret }}
{{- end -}}

{{- /* "true" where the controller makes that Secret. */ -}}
{{- define "herald.makesSegmentSecret" -}}
{{- if and .Values.speaker.enabled .Values.l2.enabled (not .Values.speaker.segmentSecret) }}true{{ end -}}
{{- end -}}

{{- define "herald.image" -}}
{{- $image := merge (dict) (pick .values.image "registry" "repository" "tag" "digest" "pullPolicy") .root.Values.image -}}
{{- with default $image.registry .root.Values.global.imageRegistry }}{{ . }}/{{ end -}}
{{ $image.repository }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "herald.imagePullSecrets" -}}
{{- $secrets := concat .root.Values.imagePullSecrets (default list .root.Values.global.imagePullSecrets) }}
{{- with $secrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* (list BASE OVER …): the entries of each, but for those that a later one has too, whatever they are there. */ -}}
{{- define "herald.override" -}}
{{- $entries := dict }}
{{- range . }}{{ range $key, $value := . }}{{ $_ := set $entries $key $value }}{{ end }}{{ end }}
{{- toYaml $entries }}
{{- end -}}

{{- /* No versions here: a new chart with the same image must not replace the pods. */ -}}
{{- define "herald.podMetadata" -}}
{{- $scraped := dict }}
{{- if .root.Values.prometheus.scrapeAnnotations }}
{{- $scraped = dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .values.port) "prometheus.io/path" "/metrics" }}
{{- end -}}
labels:
  {{- include "herald.override" (list .root.Values.commonLabels .values.podLabels (include "herald.selectorLabels" . | fromYaml)) | nindent 2 }}
{{- if or $scraped .annotations .values.podAnnotations }}
annotations:
  {{- include "herald.override" (list $scraped .annotations .values.podAnnotations) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "herald.listenAddress" -}}
{{ default .root.Values.listenAddress .values.listenAddress }}
{{- end -}}

{{- /* What the containers of both components begin with. */ -}}
{{- define "herald.container" -}}
image: {{ include "herald.image" . }}
imagePullPolicy: {{ default .root.Values.image.pullPolicy .values.image.pullPolicy }}
command: ["/herald-{{ .name }}"]
args:
  - {{ printf "--listen=%s:%v" (include "herald.listenAddress" .) .values.port | quote }}
  - {{ printf "--load-balancer-class=%s" .root.Values.loadBalancerClass | quote }}
  {{- range .root.Values.alsoServeClasses }}
  - {{ printf "--load-balancer-class=%s" . | quote }}
  {{- end }}
  {{- if .root.Values.requireClass }}
  - --require-class
  {{- end }}
  - {{ printf "--log-level=%s" .values.logLevel | quote }}
  - --log-format={{ .root.Values.logFormat }}
{{- end -}}

{{- /* Probes, resources. The kubelet asks at the address of the pod, or at the one address that is listened on. */ -}}
{{- define "herald.probes" -}}
{{- $host := regexReplaceAll "[\\[\\]]" (include "herald.listenAddress" .) "" }}
{{- if has $host (list "0.0.0.0" "::") }}{{ $host = "" }}{{ end -}}
ports:
  - name: http
    containerPort: {{ .values.port }}
    protocol: TCP
{{- $values := .values }}
{{- range $probe, $path := dict "livenessProbe" "/livez" "readinessProbe" "/readyz" "startupProbe" "/livez" }}
{{- with get $values $probe }}
{{ $probe }}:
  httpGet:
    path: {{ $path }}
    port: http
    {{- with $host }}
    host: {{ . | quote }}
    {{- end }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "herald.placement" -}}
nodeSelector:
  {{- include "herald.override" (list (dict "kubernetes.io/os" "linux") .values.nodeSelector) | nindent 2 }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- include "herald.imagePullSecrets" . }}
{{- end -}}

{{- /* The user that everything runs as which needs no right of the kernel. */ -}}
{{- define "herald.ordinaryUser" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "herald.noCapabilities" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* The objects given as values, as a list of what the controller is to apply: see controller/configuration.yaml. */ -}}
{{- define "herald.configuration" -}}
{{- $kinds := dict "pools" "IPPool" "l2Advertisements" "L2Advertisement" "bgpPeers" "BGPPeer" "bgpAdvertisements" "BGPAdvertisement" "bfdProfiles" "BFDProfile" "communities" "Community" }}
{{- $objects := dict }}
{{- range $value, $kind := $kinds }}
{{- range $name, $spec := get $.Values $value }}
{{- /* Null takes away what another value file has. */ -}}
{{- if not (kindIs "invalid" $spec) }}
{{- $object := dict "apiVersion" "heraldlb.io/v1beta1" "kind" $kind "metadata" (dict "name" $name) "spec" $spec }}
{{- $_ := set $objects (printf "%s.%s.json" (lower $kind) $name) (toJson $object) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $objects }}{{ toYaml . }}{{ end }}
{{- end -}}

{{- /* What tells the objects that these values brought about from all others: the release, in as many characters as a label may have. */ -}}
{{- define "herald.configuredBy" -}}
{{- $release := printf "%s.%s" (include "herald.namespace" .) (include "herald.fullname" .) -}}
{{- if gt (len $release) 63 }}{{ printf "%s-%s" (trunc 46 $release) (sha256sum $release | trunc 16) }}{{ else }}{{ $release }}{{ end -}}
{{- end -}}

{{- /* The capabilities with which speakers begin, as a JSON list. With the last three a speaker becomes an ordinary user, and its folder that user's. */ -}}
{{- define "herald.speakerCapabilities" -}}
{{- $capabilities := list }}
{{- if .Values.l2.enabled }}{{ $capabilities = append $capabilities "NET_RAW" }}{{ end }}
{{- if .Values.speaker.acceptRoutes }}{{ $capabilities = append $capabilities "NET_ADMIN" }}{{ end }}
{{- if .Values.speaker.realtimeBFD }}{{ $capabilities = append $capabilities "SYS_NICE" }}{{ end }}
{{- if $capabilities }}{{ $capabilities = concat $capabilities (list "SETUID" "SETGID" "CHOWN") }}{{ end }}
{{- toJson $capabilities }}
{{- end -}}

{{- /* The binding of a ValidatingAdmissionPolicy of the same name, everywhere. */ -}}
{{- define "herald.admissionBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "herald.clusterName" . }}
  {{- include "herald.metadata" . | nindent 2 }}
spec:
  policyName: {{ include "herald.clusterName" . }}
  validationActions: [Deny]
{{- end -}}
