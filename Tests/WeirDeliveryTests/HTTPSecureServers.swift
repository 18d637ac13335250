import Glibc
import WeirDelivery
import WeirTestSupport

/// nginx with every kind of certificate, and authorities for it, in a temporary folder. A shell
/// beside it ends it and removes the folder when this process has gone, whatever became of it.
final class SecureServers: @unchecked Sendable {
  enum Port: Int, CaseIterable {
    case good, wrongName, expired, clientCertificate, onlyTLS12, http2, plain, alertTLS13,
      alertTLS12
  }

  static let isPossible =
    access("/usr/sbin/nginx", X_OK) == 0 && access("/usr/bin/openssl", X_OK) == 0
  static let missing = "nginx or openssl is missing: run scripts/setup"

  /// Nil when the servers did not start.
  static let shared: SecureServers? = SecureServers()

  let folder: String
  private let ports: [Int]
  private let watcher: UnsafeMutablePointer<FILE>

  private init?() {
    var template = Array("/tmp/weir-http-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    let name = template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    folder = String(decoding: name, as: UTF8.self)
    ports = Port.allCases.map { _ in TestServer.freePort() }
    SecureServers.put(SecureServers.configuration(ports), folder + "/nginx.conf")
    SecureServers.put(SecureServers.script(ports), folder + "/run.sh")
    guard let watcher = popen("exec sh '\(folder)/run.sh' '\(folder)' >/dev/null 2>&1", "we")
    else { return nil }
    self.watcher = watcher
    let ready = folder + "/ready"
    guard eventually(seconds: 20, { access(ready, F_OK) == 0 }) else { return nil }
    guard eventually(seconds: 20, { self.ports.allSatisfy(SecureServers.accepts) }) else {
      return nil
    }
  }

  func file(_ name: String) -> String { folder + "/" + name }

  func text(of name: String) -> String { shell("cat '\(file(name))'") ?? "" }

  /// A server of this kind with the authority it should be trusted by.
  func endpoint(
    _ port: Port, host: String = "localhost", authority: String = "ca.pem",
    _ change: (inout TLSSettings) -> Void = { _ in }
  ) -> HTTPEndpoint {
    var tls = TLSSettings()
    tls.caFile = file(authority)
    change(&tls)
    return HTTPEndpoint(host: host, port: ports[port.rawValue], isTLS: true, tls: tls)
  }

  private static func put(_ text: String, _ path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  private static func accepts(_ port: Int) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        connect(fd, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func configuration(_ ports: [Int]) -> String {
    func server(_ port: Port, _ certificate: String, _ more: String = "", http2: Bool = false)
      -> String
    {
      """
        server {
          listen 127.0.0.1:\(ports[port.rawValue]) ssl\(http2 ? " http2" : "");
          ssl_certificate \(certificate).pem;
          ssl_certificate_key \(certificate).key;
          \(more)
          location /small {
            client_max_body_size 1k;
            proxy_pass http://127.0.0.1:\(ports[Port.plain.rawValue]);
          }
          location /read { proxy_pass http://127.0.0.1:\(ports[Port.plain.rawValue]); }
          location / {
            return 200 "$ssl_server_name|$ssl_protocol|$ssl_cipher|$ssl_client_verify|\
      $server_protocol|$http_host|$request_method|$content_length";
          }
        }

      """
    }
    return """
      daemon off;
      master_process off;
      pid nginx.pid;
      error_log error.log;
      events {}
      http {
        access_log off;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        client_max_body_size 0;
        ssl_protocols TLSv1.2 TLSv1.3;

      """ + server(.good, "good") + server(.wrongName, "other") + server(.expired, "expired")
        + server(
          .clientCertificate, "good", "ssl_client_certificate ca.pem; ssl_verify_client on;")
        + server(.onlyTLS12, "good", "ssl_protocols TLSv1.2;")
        + server(.http2, "good", http2: true)
          + """
            server {
              listen 127.0.0.1:\(ports[Port.plain.rawValue]);
              location / { return 200 "read $content_length"; }
            }
          }

          """
  }

  private static func script(_ ports: [Int]) -> String {
    """
    cd "$1" || exit 1
    key='ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    for name in ca stranger; do
      openssl req -x509 -newkey $key -keyout $name.key -out $name.pem -days 30 \
        -subj "/CN=$name of the tests"
    done
    issue() {
      openssl req -newkey $key -keyout $1.key -out $1.csr -subj "/CN=$1"
      printf 'subjectAltName=%s\\n' "$2" >$1.ext
      openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $3 \
        -extfile $1.ext -out $1.pem
    }
    issue good DNS:localhost,IP:127.0.0.1 30
    issue other DNS:other.example 30
    issue expired DNS:localhost,IP:127.0.0.1 -1
    issue client DNS:client 30
    openssl ec -in client.key -aes128 -passout pass:secret -out locked.key
    cat client.pem client.key >both.pem
    mkdir authorities && cp ca.pem authorities/ && openssl rehash authorities
    /usr/sbin/nginx -p "$1" -c "$1/nginx.conf" &
    servers=$!
    alert="openssl s_server -cert good.pem -key good.key -CAfile ca.pem -Verify 1 \
    -verify_return_error -www"
    $alert -accept 127.0.0.1:\(ports[Port.alertTLS13.rawValue]) -tls1_3 </dev/null &
    servers="$servers $!"
    $alert -accept 127.0.0.1:\(ports[Port.alertTLS12.rawValue]) -tls1_2 </dev/null &
    servers="$servers $!"
    touch ready
    read nothing
    kill $servers
    cd / && rm -rf "$1"

    """
  }
}
