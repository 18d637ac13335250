/// What the reference has beyond the option tables here: named so that a message can tell a plugin
/// that is missing from one that is misspelt.
enum ReferencePlugins {
  static func names(_ kind: StageKind) -> Set<String> {
    switch kind {
    case .input: inputs
    case .filter: filters
    case .output: outputs
    case .processor: processors.union(filters)
    }
  }

  /// The plugin file of this project that has a plugin.
  static func file(_ kind: StageKind, _ name: String) -> String? {
    kind == .output && (name == "es" || name == "opensearch") ? "elasticsearch.so" : nil
  }

  private static let inputs: Set<String> = [
    "systemd", "forward", "http", "syslog", "tcp", "udp", "exec", "kmsg", "cpu", "mem", "disk",
    "netif", "proc", "thermal", "health", "random", "head", "docker", "docker_events",
    "podman_metrics", "kubernetes_events", "fluentbit_metrics", "fluentbit_logs",
    "node_exporter_metrics", "prometheus_scrape", "prometheus_textfile",
    "prometheus_remote_write", "process_exporter_metrics", "statsd", "collectd",
    "nginx_exporter_metrics", "elasticsearch", "opentelemetry", "splunk", "mqtt", "kafka",
    "serial", "event_type", "blob",
  ]

  private static let filters: Set<String> = [
    "kubernetes", "nest", "throttle", "throttle_size", "rewrite_tag", "multiline", "lua",
    "expect", "log_to_metrics", "type_converter", "aws", "ecs", "checklist", "geoip2", "sysinfo",
    "stdout", "alter_size", "nightfall", "tensorflow", "wasm",
  ]

  private static let outputs: Set<String> = [
    "es", "opensearch", "http", "loki", "splunk", "forward", "flowcounter", "exit", "retry", "lib",
    "kafka", "kafka-rest", "s3", "cloudwatch_logs", "kinesis_firehose", "kinesis_streams", "tcp",
    "udp", "syslog", "gelf", "opentelemetry", "influxdb", "prometheus_exporter",
    "prometheus_remote_write", "datadog", "nrlogs", "logdna", "stackdriver", "bigquery", "azure",
    "azure_blob", "azure_kusto", "azure_logs_ingestion", "chronicle", "skywalking", "slack",
    "websocket", "nats", "pgsql", "td", "vivo_exporter", "plot",
  ]

  private static let processors: Set<String> = [
    "cumulative_to_delta", "labels", "metrics_selector", "opentelemetry_envelope", "sampling",
    "sql", "tda", "template",
  ]
}
