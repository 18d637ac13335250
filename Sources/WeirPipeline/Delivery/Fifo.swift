/// A queue that keeps its memory: what is taken leaves a gap that is closed now and then.
struct Fifo<Element> {
  private var elements: [Element?] = []
  private var head = 0

  var count: Int { elements.count - head }
  var isEmpty: Bool { count == 0 }

  /// What `popFirst` gives.
  var first: Element? { head < elements.count ? elements[head] : nil }

  mutating func append(_ element: Element) { elements.append(element) }

  /// Puts an element before all others.
  mutating func prepend(_ element: Element) {
    if head > 0 {
      head -= 1
      elements[head] = element
    } else {
      elements.insert(element, at: 0)
    }
  }

  mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    elements[head] = nil
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 64, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Whether an element meets a condition.
  func contains(where isMeant: (Element) -> Bool) -> Bool {
    elements[head...].contains { $0.map(isMeant) ?? false }
  }

  /// Takes out the first element that meets a condition.
  mutating func removeFirst(where isTaken: (Element) -> Bool) -> Element? {
    for index in elements.indices.dropFirst(head) {
      if let element = elements[index], isTaken(element) {
        elements.remove(at: index)
        return element
      }
    }
    return nil
  }

  /// Takes out all elements that meet a condition, in order.
  mutating func removeAll(where isTaken: (Element) -> Bool) -> [Element] {
    var taken: [Element] = []
    var kept: [Element?] = []
    for case let element? in elements[head...] {
      if isTaken(element) { taken.append(element) } else { kept.append(element) }
    }
    elements = kept
    head = 0
    return taken
  }
}
