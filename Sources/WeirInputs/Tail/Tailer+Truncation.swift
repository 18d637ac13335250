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
    let copy = copied(file)
    if copy == nil && file.scanned > 0 { count(InputCounterNames.lostBytes, file.scanned) }
    let old = file.known
    old.end = file.offset
    old.isOpen = false
    openFiles[file.key] = nil
    left.removeAll { $0 === file }
    stream.drained.removeAll { $0 === file }
    let later = index.map { Array(stream.chain[($0 + 1)...]) } ?? []
    if let index { stream.chain.removeSubrange(index...) }
    if let copy {
      open(
        Opening(
          path: copy.path, key: copy.status.key, isCompressed: false, known: old,
          begin: .at(file.offset)), in: stream)
    } else {
      forget(old)
      store.remove(old.row.id)
    }
    adopt(file.takeDescriptor(), file.key, nil, nil, 0, file.path, in: stream)
    if file.isLeft, let again = stream.chain.last { leave(again, at: file.leftAt) }
    stream.chain += later
    settle(stream)
    register()
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
