import CWeirSystem
import Glibc
import WeirDelivery
import WeirRing
import WeirStage
import WeirTelemetry

/// Files that are cut off or rewritten in place.
extension Tailer {
  /// Begins a new generation for a file whose content is another one now. What was cut off is read
  /// from its copy, if the rotation left one (copytruncate).
  func restart(_ file: TailFile) {
    let stream = file.stream
    count(InputCounterNames.filesTruncated)
    Log.debug("\(host.name): \(printable(file.path)): truncated at \(file.offset), begins anew")
    let index = stream.chain.firstIndex { $0 === file }
    let old = file.known
    old.end = file.offset
    old.isOpen = false
    openFiles[file.key] = nil
    left.removeAll { $0 === file }
    stream.drained.removeAll { $0 === file }
    let later = index.map { Array(stream.chain[($0 + 1)...]) } ?? []
    if let index { stream.chain.removeSubrange(index...) }
    if !openCopy(of: file) {
      if file.scanned > 0 { count(InputCounterNames.lostBytes, file.scanned) }
      forget(old)
      store.remove(old.row.id)
    }
    adopt(file.takeDescriptor(), file.key, nil, nil, 0, file.path, in: stream)
    if file.isLeft, let again = stream.chain.last { leave(again, at: file.leftAt) }
    stream.chain += later
    settle(stream)
    register()
  }

  /// Reads on in the copy that a rotation left; false when there is none.
  private func openCopy(of file: TailFile) -> Bool {
    for _ in 0..<Self.looksMax {
      guard let copy = copied(file) else { return false }
      let rest = Opening(
        path: copy.path, key: copy.status.key, isCompressed: false, known: file.known,
        begin: .at(file.offset))
      if open(rest, in: file.stream) { return true }
    }
    return false
  }

  /// The copy that holds what was cut off: the same first bytes, and the same bytes before the
  /// position.
  private func copied(_ file: TailFile) -> Sibling? {
    let row = file.known.row
    guard file.offset > 0, row.fingerprintLength >= Fingerprint.lengthOfProof else { return nil }
    let place = splitPath(file.path)
    listing.reset()
    return listing.siblings(place.directory, place.name).last { sibling in
      guard !sibling.isCompressed, openFiles[sibling.status.key] == nil,
        sibling.status.size > file.offset
      else { return false }
      return withDescriptor(sibling.path) { descriptor -> Bool? in
        Fingerprint.matches(row, Fingerprint.prefix(of: descriptor))
          && file.precedingBytesMatch(descriptor)
      } ?? false
    }
  }
}
