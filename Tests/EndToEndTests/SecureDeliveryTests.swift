import Glibc
import Testing

extension EndToEnd {
  static let gateRuns = Settings.delivers && Gatekeeper.isThere
  static let gateMissing: Comment =
    Settings.delivers ? Gatekeeper.missing : .init(rawValue: Settings.deliveryMissing)

  /// Elasticsearch behind an nginx with TLS and users.
  @Suite("TLS and users", .enabled(if: gateRuns, gateMissing))
  struct SecureDelivery {
    private func configuration(_ job: Job, _ gate: Gatekeeper, _ extra: [String]) -> String {
      job.section("SERVICE", ["flush 0.2", "grace 3", "storage.path \(job.storage)"])
        + job.section("INPUT", job.tail(path: "\(job.tree.containers)/*.log", tag: "kube.*"))
        + job.section(
          "OUTPUT",
          [
            "name es", "match *", "host localhost", "port \(gate.port)", "index logs",
            "suppress_type_name on", "compress gzip", "tls on",
          ] + extra)
    }

    /// Some lines of one container.
    private func lines(_ job: Job) -> [String: Int] {
      var plan = Flood.Plan()
      plan.rate = 2_000_000
      plan.seconds = 0.5
      let flood = Flood(job.tree, pods: ["red"], plan)
      flood.start()
      return flood.wait()
    }

    /// Expects that nothing is delivered and that the log says why; what was read stays unread, and
    /// comes with the right configuration.
    private func refuses(
      _ certificate: Gatekeeper.Certificate, asksClient: Bool = false, user: String? = nil,
      saying words: String, wrong: (Gatekeeper) -> [String], right: (Gatekeeper) -> [String]
    ) throws {
      let job = Job("secure")
      let server = try FaultServer(in: job.scratch)
      let gate = try Gatekeeper(
        in: job.scratch, target: server.port, certificate: certificate, asksClient: asksClient,
        user: user)
      let counts = lines(job)
      let first = try job.start(configuration(job, gate, wrong(gate)), name: "wrong")
      let isSaid = Clock.wait(15) { Files.text(first.errorPath).contains(words) }
      #expect(isSaid, "\(first.lastWords)")
      #expect(server.stats()["stored"] == 0)
      #expect(first.stop() == 0, "\(first.lastWords)")
      gate.end()
      let mended = try Gatekeeper(
        in: job.scratch, target: server.port, certificate: .good, asksClient: asksClient,
        user: user)
      let second = try job.start(configuration(job, mended, right(mended)), name: "right")
      #expect(server.settledVerdict(expecting: counts) == [], "\(second.lastWords)")
      #expect(second.stop() == 0, "\(second.lastWords)")
    }

    @Test("a certificate for another host is refused")
    func wrongHost() throws {
      try refuses(
        .elsewhere, saying: "host name", wrong: { ["tls.ca_file \($0.authority)"] },
        right: { ["tls.ca_file \($0.authority)"] })
    }

    @Test("a certificate that is out of date is refused")
    func expired() throws {
      try refuses(
        .expired, saying: "expired", wrong: { ["tls.ca_file \($0.authority)"] },
        right: { ["tls.ca_file \($0.authority)"] })
    }

    @Test("a certificate of an unknown authority is refused")
    func unknownAuthority() throws {
      try refuses(
        .good, saying: "authority", wrong: { ["tls.ca_file \($0.otherAuthority)"] },
        right: { ["tls.ca_file \($0.authority)"] })
    }

    @Test("a server that asks for a client certificate gets one, or says that it did not")
    func clientCertificate() throws {
      try refuses(
        .good, asksClient: true, saying: "client certificate",
        wrong: { ["tls.ca_file \($0.authority)"] },
        right: {
          [
            "tls.ca_file \($0.authority)", "tls.crt_file \($0.client).crt",
            "tls.key_file \($0.client).key",
          ]
        })
    }

    @Test("a user that the server does not know is refused with 401")
    func users() throws {
      let tls = { (gate: Gatekeeper) in ["tls.ca_file \(gate.authority)", "http_user weir"] }
      try refuses(
        .good, user: "weir", saying: "401", wrong: { tls($0) + ["http_passwd wrong"] },
        right: { tls($0) + ["http_passwd secret"] })
    }
  }
}
