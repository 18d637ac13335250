/// What the command line asks for.
struct Options {
  var weir = ""
  /// A second executable that runs in turn with the first.
  var against: String?
  /// A floor program from elsewhere, with the modes of ours; nil builds ours.
  var floor: String?
  var scenarios: [String] = []
  var rounds = 7
  /// Overrides the scenarios' corpus sizes.
  var sizeMiB: Int?
  var lanes: Int?
  var scratch = ""
  var seed = 1
  /// Whether it runs at all is what is asked, not how fast.
  var isQuick = false
  /// Status 1 when a figure misses what its scenario asks for.
  var isGate = false

  static let usage = """
    usage: weir-bench [--weir FILE] [--against FILE] [--floor FILE] [--scenario NAME]...
                      [--rounds N] [--size MIB] [--lanes N] [--seed N] [--scratch DIR]
                      [--quick] [--gate] [--list]

      --weir      the executable to measure (default: weir beside this program)
      --against   a second build of it, run in turn with the first
      --floor     a floor program that takes MODE FILE (default: builds Benchmarks/floor/floor.c)
      --scenario  one of --list; may be repeated (default: all)
      --rounds    how often each is run; figures are medians (default 7)
      --size      MiB of corpus, instead of the scenario's own
      --lanes     work lanes of the engine, instead of the scenario's own
      --scratch   where corpora and outputs are kept (default: .build/bench)
      --quick     one round over 16 MiB: does it run at all?
      --gate      status 1 when a ratio, a speed-up or the memory misses its mark

    """

  /// Nil where an option or its value is not known.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--quick":
        isQuick = true
        rounds = 1
        sizeMiB = 16
      case "--gate": isGate = true
      default:
        guard let value = rest.popFirst(), take(option, value) else { return nil }
      }
    }
    guard rounds > 0, sizeMiB ?? 1 > 0 else { return nil }
  }

  private mutating func take(_ option: String, _ value: String) -> Bool {
    switch option {
    case "--weir": weir = value
    case "--against": against = value
    case "--floor": floor = value
    case "--scenario":
      guard Scenario.all.contains(where: { $0.name == value }) else { return false }
      scenarios.append(value)
    case "--scratch": scratch = value
    case "--rounds", "--size", "--lanes", "--seed":
      guard let number = Int(value), number >= 0 else { return false }
      switch option {
      case "--rounds": rounds = number
      case "--size": sizeMiB = number
      case "--lanes": lanes = number
      default: seed = number
      }
    default: return false
    }
    return true
  }
}
