import Testing
import WeirConfig

@testable import WeirParsers

@Suite("Packaged parsers") struct PackagedParserTests {
  private func names(_ parser: String, _ line: String) throws -> [String] {
    let catalogue = try ParserCatalogue()
    let found = try #require(catalogue.parser(named: parser))
    let fields = try #require(try parse(found.definition, line), "\(parser): \(line)")
    return fields.map { $0.first == "@" ? "@" : String($0.prefix { $0 != "=" }) }
  }

  @Test("all eighteen are there, and one of the user takes the place of one")
  func catalogue() throws {
    var own = ParserDefinition(name: "docker", format: .json)
    own.timeKeep = false
    let catalogue = try ParserCatalogue([own])
    for name in [
      "apache", "apache2", "apache_error", "nginx", "k8s-nginx-ingress", "json", "logfmt",
      "docker", "docker-daemon", "syslog-rfc5424", "syslog-rfc3164-local", "syslog-rfc3164",
      "mongodb", "envoy", "istio-envoy-proxy", "cri", "kube-custom", "kmsg-netfilter-log",
    ] {
      #expect(catalogue.parser(named: name) != nil, "\(name)")
    }
    #expect(catalogue.parser(named: "docker")?.keepsTime == false)
    #expect(catalogue.parser(named: "none") == nil)
  }

  @Test("web servers")
  func webServers() throws {
    let access = #"10.0.0.1 - bob [03/Feb/2026:04:05:06 +0000] "GET /a b HTTP/1.1" 200 12"#
    let agents = #" "http://r/" "curl/8""#
    #expect(
      try names("nginx", access + agents)
        == ["remote", "host", "user", "method", "path", "code", "size", "referer", "agent", "@"])
    #expect(
      try names("apache", access) == ["host", "user", "method", "path", "code", "size", "@"])
    #expect(try names("apache2", access.replacing("a b", with: "a") + agents).count == 9)
    #expect(
      try names(
        "apache_error", "[Sun Feb 03 04:05:06 2026] [error] [pid 7] [client 1.2.3.4:5] boom")
        == ["time", "level", "pid", "client", "message"])
    #expect(
      try names(
        "k8s-nginx-ingress",
        access + agents + " 99 0.001 [up] [] 10.1.1.1:80 5 0.002 200 abcdef"
      ).count == 17)
  }

  @Test("container runtimes")
  func containers() throws {
    #expect(
      try names("cri", "2026-02-03T04:05:06.789123456Z stdout F hello")
        == ["time", "stream", "logtag", "message", "@"])
    #expect(
      try names("docker", #"{"log":"x\n","stream":"stdout","time":"2026-02-03T04:05:06.7Z"}"#)
        == ["log", "stream", "time", "@"])
    #expect(
      try names("docker-daemon", #"time="2026-02-03T04:05:06.7Z" level=info msg="a b""#)
        == ["time", "level", "msg", "@"])
    let id = String(repeating: "a1", count: 32)
    #expect(
      try names("kube-custom", "kube.web-0_shop_nginx-\(id).log")
        == ["tag", "pod_name", "namespace_name", "container_name", "docker_id"])
  }

  @Test("syslog and services")
  func services() throws {
    #expect(
      try names("syslog-rfc5424", "<34>1 2026-02-03T04:05:06.7Z h su 7 ID [a@1 b=\"c\"] text")
        == ["pri", "time", "host", "ident", "pid", "msgid", "extradata", "message", "@"])
    #expect(
      try names("syslog-rfc3164", "<34>Feb  3 04:05:06 host su[7]: text")
        == ["pri", "time", "host", "ident", "pid", "message", "@"])
    #expect(
      try names("syslog-rfc3164-local", "<34>Feb  3 04:05:06 su: text")
        == ["pri", "time", "ident", "message", "@"])
    #expect(
      try names("mongodb", "2026-02-03T04:05:06.789+0000 I NETWORK  [conn1] end 12ms")
        == ["time", "severity", "component", "context", "message", "ms", "@"])
    let envoy =
      #"[2026-02-03T04:05:06.789Z] "GET /x HTTP/1.1" 200 - 0 5 1 0 "-" "curl" "id" "host" "up""#
    #expect(try names("envoy", envoy).count == 16)
    let istio =
      #"[2026-02-03T04:05:06.789Z] "GET /x HTTP/1.1" 200 - via_upstream - "-" 0 5 1 0 "-" "curl""#
      + #" "id" "host" "1.2.3.4:5" out 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - default"#
    #expect(try names("istio-envoy-proxy", istio).count == 25)
    #expect(
      try names(
        "kmsg-netfilter-log",
        "<4>1 2026-02-03T04:05:06.789Z h kernel - - - [12.5] DROP: IN=eth0 OUT= "
          + "MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00 SRC=1.2.3.4 DST=5.6.7.8 LEN=60 "
          + "TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 SYN URGP=0"
      ).contains("flag"))
  }
}
