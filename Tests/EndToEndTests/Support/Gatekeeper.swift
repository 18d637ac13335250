import CWeirSystem
import Glibc
import Testing

/// An nginx on loopback that stands in front of a server, with TLS and users, and certificates made
/// for it.
final class Gatekeeper {
  enum Certificate: String {
    /// For localhost, and in date.
    case good
    /// For elsewhere.test.
    case elsewhere
    /// For localhost, and out of date.
    case expired
  }

  let port: Int
  let folder: String
  private let companion: Companion

  static let isThere = Settings.isStrict || system("command -v nginx openssl >/dev/null 2>&1") == 0
  static let missing: Comment = "no nginx or no openssl: run scripts/setup"

  /// The authority that signed the servers' and the client's certificates, and one that did not.
  var authority: String { "\(folder)/ca.crt" }
  var otherAuthority: String { "\(folder)/other.crt" }
  /// The client's certificate is `client.crt`, its key `client.key`.
  var client: String { "\(folder)/client" }

  /// Stands in front of `target`; `asksClient` refuses clients without a certificate, `user` those
  /// without this name and the password `secret`.
  init(
    in scratch: Scratch, target: Int, certificate: Certificate, asksClient: Bool = false,
    user: String? = nil
  ) throws {
    folder = scratch / "gate-\(certificate.rawValue)"
    port = HTTPCall.freePort()
    Files.makeFolder(folder)
    Files.write(Self.makeCertificates, to: "\(folder)/make.sh")
    let made = system("cd '\(folder)' && sh -e make.sh >make.log 2>&1")
    try #require(made == 0, "\(Files.text("\(folder)/make.log"))")
    var more = ""
    if asksClient {
      more += "ssl_verify_client on; ssl_client_certificate \(folder)/ca.crt;\n"
    }
    if let user {
      // {PLAIN} is a password that is not hashed.
      Files.write("\(user):{PLAIN}secret\n", to: "\(folder)/users")
      more += "auth_basic logs; auth_basic_user_file \(folder)/users;\n"
    }
    let file = "\(folder)/nginx.conf"
    Files.write(Self.configuration(folder, port, target, certificate, more), to: file)
    let line = "nginx -p '\(folder)' -c '\(file)' -e '\(folder)/error.log' & cat; kill $!; wait"
    companion = try #require(Companion(["sh", "-c", line], in: folder, name: "nginx"))
    let isReady = Clock.wait(10) { [port] in HTTPCall.send("GET", "/", port: port) != nil }
    try #require(isReady, "\(companion.output)\(Files.text("\(folder)/error.log"))")
  }

  func end() { companion.end() }

  private static func configuration(
    _ folder: String, _ port: Int, _ target: Int, _ certificate: Certificate, _ more: String
  ) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "  \($0)_temp_path \(folder)/\($0);\n" }.joined()
    return """
      daemon off;
      worker_processes 1;
      pid \(folder)/nginx.pid;
      \(geteuid() == 0 ? "user root;" : "")
      events {}
      http {
        access_log off;
      \(temporary)
        client_max_body_size 64m;
        server {
          listen 127.0.0.1:\(port) ssl;
          ssl_certificate \(folder)/\(certificate.rawValue).crt;
          ssl_certificate_key \(folder)/server.key;
          \(more)
          location / { proxy_pass http://127.0.0.1:\(target); }
        }
      }

      """
  }

  private static let makeCertificates = """
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority
    openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt -days 2 -subj /CN=o
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server
    openssl req -newkey rsa:2048 -nodes -keyout client.key -out client.csr -subj /CN=client
    echo 'subjectAltName=DNS:localhost' >good.ext
    echo 'subjectAltName=DNS:elsewhere.test' >elsewhere.ext
    sign="openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial"
    $sign -in server.csr -days 2 -extfile good.ext -out good.crt
    $sign -in server.csr -days 2 -extfile elsewhere.ext -out elsewhere.crt
    $sign -in server.csr -days -1 -extfile good.ext -out expired.crt
    $sign -in client.csr -days 2 -out client.crt

    """
}
