/// A list of words in one block of memory, so that a random one costs a memcpy.
struct Words {
  private let pieces: [UnsafeBufferPointer<UInt8>]

  /// The words are split at blanks and never freed: there are a handful of lists in a process.
  init(_ text: String, separator: Character = " ") {
    pieces = text.split(separator: separator).map { word in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: word.utf8.count)
      _ = copy.initialize(from: word.utf8)
      return UnsafeBufferPointer(copy)
    }
  }

  var count: Int { pieces.count }

  subscript(index: Int) -> UnsafeBufferPointer<UInt8> { pieces[index] }

  func pick(_ random: inout Random) -> UnsafeBufferPointer<UInt8> {
    pieces[random.below(pieces.count)]
  }
}

/// The vocabulary of the corpora.
struct Vocabulary {
  let levels = Words("debug info info info info info warn error")
  let verbs = Words("created updated deleted fetched queued retried cached expired rejected loaded")
  let nouns = Words(
    "order invoice basket session payment shipment customer coupon report user token document")
  let services = Words("orders billing search catalog gateway auth mailer indexer worker scheduler")
  let users = Words("anna bob carla dmitri elena farid grace hiro ines jonas katya liam - - - - -")
  let methods = Words("GET GET GET GET GET GET POST POST PUT DELETE HEAD PATCH")
  let codes = Words("200 200 200 200 200 201 204 301 302 304 400 401 403 404 404 499 500 502 503")
  let paths = Words(
    "/ /healthz /api/v1/orders /api/v1/orders/items /api/v2/search /assets/app.css "
      + "/assets/logo.svg /login /logout /cart /checkout /api/v1/users/profile /metrics "
      + "/static/fonts/inter.woff2 /api/v1/catalog/products /favicon.ico /admin/reports/daily")
  let agents = Words(
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 "
      + "Safari/537.36|Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
      + "Version/17.4 Safari/605.1.15|curl/8.5.0|kube-probe/1.30|Go-http-client/1.1|"
      + "python-requests/2.32.3|Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)",
    separator: "|")
  let messages = Words(
    "connection accepted from upstream|slow query took longer than the budget|"
      + "cache miss, falling back to the primary store|configuration reloaded without changes|"
      + "retrying after a transient failure|request finished|lease renewed|"
      + "garbage collection paused the loop|feature flag evaluated|"
      + "a background job has been handed to the queue",
    separator: "|")
  let exceptions = Words(
    "java.lang.IllegalStateException java.util.concurrent.TimeoutException "
      + "java.net.SocketTimeoutException org.hibernate.StaleObjectStateException "
      + "java.lang.NullPointerException com.example.shop.PaymentDeclinedException")
  let frames = Words(
    "com.example.shop.orders.OrderService.place|com.example.shop.orders.OrderRepository.save|"
      + "com.example.shop.billing.PaymentClient.charge|org.springframework.web.servlet."
      + "FrameworkServlet.doPost|javax.servlet.http.HttpServlet.service|"
      + "org.apache.catalina.core.ApplicationFilterChain.doFilter|java.lang.Thread.run|"
      + "java.util.concurrent.ThreadPoolExecutor.runWorker|jdk.internal.reflect."
      + "DirectMethodHandleAccessor.invoke",
    separator: "|")
  let months = Words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
}
