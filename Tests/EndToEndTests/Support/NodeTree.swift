import Glibc

/// A node's log folders as the kubelet lays them out:
///
///     pods/NAMESPACE_POD_UID/CONTAINER/N.log
///     containers/POD_NAMESPACE_CONTAINER-ID.log -> pods/…/N.log
struct NodeTree {
  let path: String

  var pods: String { path + "/pods" }
  var containers: String { path + "/containers" }

  init(_ path: String) {
    self.path = path
    Files.makeFolder(pods)
    Files.makeFolder(containers)
  }

  /// The folder of a container's logs; it is made.
  func folder(namespace: String = "test", pod: String, uid: String, container: String) -> String {
    let folder = "\(pods)/\(namespace)_\(pod)_\(uid)/\(container)"
    Files.makeFolder(folder)
    return folder
  }

  /// Links a log file into `containers`; the id is drawn from the target's path.
  @discardableResult
  func link(
    to target: String, namespace: String = "test", pod: String, container: String
  ) -> String {
    let name = "\(containers)/\(pod)_\(namespace)_\(container)-\(Self.id(target)).log"
    symlink(target, name)
    return name
  }

  /// 64 hexadecimal digits that follow from a text, as long as a container id.
  static func id(_ text: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var id = ""
    for _ in 0..<4 {
      hash = (hash ^ (hash >> 29)) &* 0x9E37_79B9_7F4A_7C15
      let digits = String(hash, radix: 16)
      id += String(repeating: "0", count: 16 - digits.count) + digits
    }
    return id
  }
}
