/// The names of POSIX brackets and Unicode properties, as Ruby knows them, in PCRE2's words.
enum RubyProperty {
  /// Text to put between brackets for `[:name:]` (`bracket`) or `\p{name}`; nil for a name that is
  /// certainly unknown. Scripts are passed on for PCRE2 to judge.
  static func bracketText(_ name: String, bracket: Bool, ascii: Bool) -> String? {
    let key = String(
      String.UnicodeScalarView(
        name.lowercased().unicodeScalars.filter { $0 != "_" && $0 != "-" && $0 != " " }))
    if ascii, posix[key] != nil { return key == "ascii" ? "\\x{0}-\\x{7f}" : "[:\(key):]" }
    if let text = posix[key] { return text }
    if bracket { return nil }
    if let short = categories[key] { return "\\p{\(short)}" }
    let isName = name.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || $0 == "_" || $0 == "&")
    }
    return isName && !name.isEmpty ? "\\p{\(name)}" : nil
  }

  private static let posix: [String: String] = [
    "alnum": "\\p{Alphabetic}\\p{M}\\p{Nd}",
    "alpha": "\\p{Alphabetic}\\p{M}",
    "ascii": "\\x{0}-\\x{7f}",
    "blank": "\\p{Zs}\\t",
    "cntrl": "\\p{Cc}",
    "digit": "\\p{Nd}",
    "graph": "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}",
    "lower": "\\p{Lowercase}",
    "print": "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}",
    "punct": "\\p{P}$+<=>\\^`|~",
    "space": "\\s\\p{Z}\\x{85}",
    "upper": "\\p{Uppercase}",
    "word": "\\p{L}\\p{M}\\p{N}\\p{Pc}",
    "xdigit": "0-9a-fA-F",
    "any": "\\p{Any}",
    "assigned": "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{Cc}\\p{Cf}\\p{Co}",
  ]

  private static let categories: [String: String] = [
    "letter": "L", "casedletter": "L&", "uppercaseletter": "Lu", "lowercaseletter": "Ll",
    "titlecaseletter": "Lt", "modifierletter": "Lm", "otherletter": "Lo",
    "mark": "M", "nonspacingmark": "Mn", "spacingmark": "Mc", "enclosingmark": "Me",
    "number": "N", "decimalnumber": "Nd", "letternumber": "Nl", "othernumber": "No",
    "punctuation": "P", "connectorpunctuation": "Pc", "dashpunctuation": "Pd",
    "openpunctuation": "Ps", "closepunctuation": "Pe", "initialpunctuation": "Pi",
    "finalpunctuation": "Pf", "otherpunctuation": "Po",
    "symbol": "S", "mathsymbol": "Sm", "currencysymbol": "Sc", "modifiersymbol": "Sk",
    "othersymbol": "So", "separator": "Z", "spaceseparator": "Zs", "lineseparator": "Zl",
    "paragraphseparator": "Zp", "other": "C", "control": "Cc", "format": "Cf",
    "surrogate": "Cs", "privateuse": "Co", "unassigned": "Cn",
  ]
}
