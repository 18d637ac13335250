import WeirConfig

/// The parsers that are there without a parsers file, under the names that users know. Their fields
/// are part of the contract with dashboards and index templates.
enum PackagedParsers {
  static let definitions: [ParserDefinition] = webServers + containers + syslog + services

  private static let clfTime = "%d/%b/%Y:%H:%M:%S %z"
  private static let isoTime = "%Y-%m-%dT%H:%M:%S.%L"
  /// `"GET /path HTTP/1.1"`, also cut short.
  private static let request = #""(?<method>\S+)(?: +(?<path>[^"]*?)(?: +\S*)?)?""#
  private static let agents = #"(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?"#

  private static func regex(
    _ name: String, _ pattern: String, time: String? = nil, keep: Bool = false
  ) -> ParserDefinition {
    var definition = ParserDefinition(name: name, format: .regex, regex: pattern)
    definition.timeFormat = time
    definition.timeKeep = keep
    return definition
  }

  private static func json(_ name: String, time: String, keep: Bool = false) -> ParserDefinition {
    var definition = ParserDefinition(name: name, format: .json)
    definition.timeFormat = time
    definition.timeKeep = keep
    return definition
  }

  private static let webServers: [ParserDefinition] = [
    regex(
      "apache",
      #"^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "# + request
        + " (?<code>[^ ]*) (?<size>[^ ]*)" + agents + "$", time: clfTime),
    regex(
      "apache2",
      #"^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "#
        + #""(?<method>\S+)(?: +(?<path>[^ ]*) +\S*)?" (?<code>[^ ]*) (?<size>[^ ]*)"#
        + #"(?: "(?<referer>[^"]*)" "(?<agent>.*)")?$"#, time: clfTime),
    regex(
      "apache_error",
      #"^\[[^ ]* (?<time>[^\]]*)\] \[(?<level>[^\]]*)\](?: \[pid (?<pid>[^\]]*)\])?"#
        + #"(?: \[client (?<client>[^\]]*)\])? (?<message>.*)$"#),
    regex(
      "nginx",
      #"^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "# + request
        + " (?<code>[^ ]*) (?<size>[^ ]*)" + agents, time: clfTime),
    regex(
      "k8s-nginx-ingress",
      #"^(?<host>[^ ]*) - (?<user>[^ ]*) \[(?<time>[^\]]*)\] "# + request
        + #" (?<code>[^ ]*) (?<size>[^ ]*) "(?<referer>[^"]*)" "(?<agent>[^"]*)""#
        + #" (?<request_length>[^ ]*) (?<request_time>[^ ]*)"#
        + #" \[(?<proxy_upstream_name>[^ ]*)\]"#
        + #"(?: \[(?<proxy_alternative_upstream_name>[^ ]*)\])?"#
        + #" (?<upstream_addr>[^,]*(?:, [^,]*?)*) (?<upstream_response_length>[^ ]*)"#
        + #" (?<upstream_response_time>[^ ]*) (?<upstream_status>[^ ]*) (?<reg_id>[^ ]*).*$"#,
      time: clfTime),
  ]

  private static let containers: [ParserDefinition] = [
    json("json", time: clfTime),
    json("docker", time: isoTime, keep: true),
    regex(
      "docker-daemon", #"time="(?<time>[^ ]*)" level=(?<level>[^ ]*) msg="(?<msg>[^ ].*)""#,
      time: isoTime, keep: true),
    regex(
      "cri", #"^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$"#,
      time: isoTime + "%z", keep: true),
    regex(
      "kube-custom",
      #"(?<tag>[^.]+)?\.?(?<pod_name>[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"#
        + #"(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)_(?<namespace_name>[^_]+)_"#
        + #"(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\.log$"#),
    ParserDefinition(name: "logfmt", format: .logfmt),
  ]

  private static let syslog: [ParserDefinition] = [
    regex(
      "syslog-rfc5424",
      #"^<(?<pri>[0-9]{1,5})>1 (?<time>[^ ]+) (?<host>[^ ]+) (?<ident>[^ ]+) (?<pid>[-0-9]+) "#
        + #"(?<msgid>[^ ]+) (?<extradata>(?:\[(?:.*?)\]|-)) (?<message>.+)$"#,
      time: isoTime + "%z", keep: true),
    regex(
      "syslog-rfc3164-local",
      #"^<(?<pri>[0-9]+)>(?<time>[^ ]* {1,2}[^ ]* [^ ]*) (?<ident>[a-zA-Z0-9_/.\-]*)"#
        + #"(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$"#,
      time: "%b %d %H:%M:%S", keep: true),
    regex(
      "syslog-rfc3164",
      #"^<(?<pri>[0-9]+)>(?<time>[^ ]* {1,2}[^ ]* [^ ]*) (?<host>[^ ]*) "#
        + #"(?<ident>[a-zA-Z0-9_/.\-]*)(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$"#,
      time: "%b %d %H:%M:%S", keep: true),
  ]

  private static let services: [ParserDefinition] = [
    regex(
      "mongodb",
      #"^(?<time>[^ ]*)\s+(?<severity>\w)\s+(?<component>[^ ]+)\s+\[(?<context>[^\]]+)\]\s+"#
        + #"(?<message>.*?) *(?<ms>\d+)?(?:ms)?$"#, time: isoTime, keep: true),
    envoy("envoy", code: "code", request: "request_id", more: ""),
    envoy(
      "istio-envoy-proxy", code: "response_code", request: "x_request_id",
      more: #" (?<upstream_cluster>\S+) (?<upstream_local_address>\S+)"#
        + #" (?<downstream_local_address>\S+) (?<downstream_remote_address>\S+)"#
        + #" (?<requested_server_name>\S+) (?<route_name>\S+)"#,
      detail: #" (?<response_code_details>\S+) (?<connection_termination_details>\S+)"#
        + #" (?<upstream_transport_failure_reason>"[^"]*"|\S+)"#),
    regex(
      "kmsg-netfilter-log",
      #"^<(?<pri>[0-9]{1,5})>1 (?<time>[^ ]+) (?<host>[^ ]+) kernel - - - \[[ 0-9.]*\] "#
        + #"(?<logprefix>[^ ]*) ?IN=(?<in>[^ ]*) OUT=(?<out>[^ ]*)"#
        + #"(?: MAC=(?<macsrc>\h\h(?::\h\h){5}):(?<macdst>\h\h(?::\h\h){5}):"#
        + #"(?<ethtype>\h\h:\h\h))? SRC=(?<saddr>[^ ]*) DST=(?<daddr>[^ ]*) LEN=(?<len>[^ ]*)"#
        + #" TOS=(?<tos>[^ ]*) PREC=(?<prec>[^ ]*) TTL=(?<ttl>[^ ]*) ID=(?<id>[^ ]*)"#
        + #"(?: [CDM]F)* PROTO=(?<proto>[^ ]*)(?: SPT=(?<sport>[0-9]*))?"#
        + #"(?: DPT=(?<dport>[0-9]*))?(?: LEN=(?<protolen>[0-9]*))?"#
        + #"(?: WINDOW=(?<window>[0-9]*))?(?: RES=(?<res>[0-9xa-f]*))?"#
        + #"(?: (?<flag>(?!URGP)[^ ]+(?: (?!URGP)[^ =]+)*))?(?: URGP=(?<urgp>[0-9]*))?"#,
      time: isoTime + "%z"),
  ]

  /// The access logs of Envoy, and of Istio with more fields.
  private static func envoy(
    _ name: String, code: String, request: String, more: String, detail: String = ""
  ) -> ParserDefinition {
    var definition = regex(
      name,
      #"^\[(?<start_time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^" ]*))? +(?<protocol>[^" ]+)""#
        + #" (?<\#(code)>\S+) (?<response_flags>\S+)"# + detail
        + #" (?<bytes_received>\S+) (?<bytes_sent>\S+)"#
        + #" (?<duration>\S+) (?<x_envoy_upstream_service_time>\S+) "(?<x_forwarded_for>[^"]*)""#
        + #" "(?<user_agent>[^"]*)" "(?<\#(request)>[^"]*)" "(?<authority>[^"]*)""#
        + #" "(?<upstream_host>[^"]*)""# + more, time: isoTime + "%z", keep: true)
    definition.timeKey = "start_time"
    return definition
  }
}
