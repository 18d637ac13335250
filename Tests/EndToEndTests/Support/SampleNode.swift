import Glibc

/// Logs that were recorded on a Kubernetes node, and what the node knew of their pods.
struct SampleNode {
  struct Pod {
    let name: String
    let app: String
    let container: String
    /// The log, and its lines that are records.
    let path: String
    let count: Int
  }

  static let folder = Settings.shared + "/node/logs/pods"
  let pods: [Pod]

  /// Nil where the recordings are missing.
  init?() {
    let wanted = [
      ("numbers-api-84f8c68bcb-dwsnj", "numbers-api", "api"),
      ("numbers-api-proxy-64dd48cff9-h7wsv", "numbers-api-proxy", "nginx"),
      ("store-0", "store", "db"),
      ("timecheck-8595976449-8t264", "timecheck", "logger"),
    ]
    let folders = Files.names(in: Self.folder)
    pods = wanted.compactMap { name, app, container in
      guard let folder = folders.first(where: { $0.hasPrefix("kiamol-ch13-test_\(name)_") }) else {
        return nil
      }
      let path = "\(Self.folder)/\(folder)/\(container)/0.log"
      let count = Files.bytes(path).count { $0 == 10 }
      return Pod(name: name, app: app, container: container, path: path, count: count)
    }
    if pods.count < wanted.count { return nil }
  }

  var count: Int { pods.reduce(0) { $0 + $1.count } }

  /// A pipeline in YAML over the logs, each record with the `kubernetes` map of its pod.
  func pipeline(_ job: Job, output: [String]) -> String {
    var text = "service:\n  flush: 0.2\n  parsers_file: \(Settings.root)/config/parsers.conf\n"
    text += "pipeline:\n  inputs:\n"
    for pod in pods {
      let metadata =
        #"{"kubernetes":{"pod_name":"\#(pod.name)","namespace_name":"kiamol-ch13-test","#
        + #""labels":{"app":"\#(pod.app)","tier":"sample"},"container_name":"\#(pod.container)"}}"#
      text += """
            - name: tail
              path: \(pod.path)
              tag: kube.\(pod.name)
              multiline.parser: cri
              read_from_head: on
              db: \(job.scratch / "state")/\(pod.name).db
              processors:
                logs:
                  - name: content_modifier
                    action: insert
                    key: metadata
                    value: '\(metadata)'

        """
    }
    text += """
        filters:
          - name: parser
            match: kube.*
            key_name: metadata
            parser: json
            reserve_data: on
        outputs:
          - \(output.joined(separator: "\n      "))

      """
    return text
  }
}
