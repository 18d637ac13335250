// swift-tools-version: 6.2
// The one manifest of Weir. Every flag that is not a default is explained where it stands.
import PackageDescription

/// Release builds inline across modules: the data plane is several modules, and a call per field
/// through a module boundary costs more than the work it does.
let hot: [SwiftSetting] = [
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))
]

/// AVX2 whole-block kernels are compiled per function with target attributes and chosen at run
/// time, so no -march flag is needed here; -O3 lets the compiler unroll the scalar fallbacks.
let kernelFlags: [CSetting] = [.unsafeFlags(["-O3"], .when(configuration: .release))]

/// A plugin exports exactly one symbol, its entry function; everything else stays local, so that a
/// module linked into two plugins never clashes with the host's copy.
func oneSymbol(_ map: String) -> [LinkerSetting] {
  [.unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/\(map)"])]
}

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: hot)
}

/// Where pointers are the exception each use is marked: docs/decisions/0009-marked-pointers.md.
let safe: [SwiftSetting] = hot + [.strictMemorySafety()]

func safeLibrary(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: safe)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["WeirTestSupport"])
}

let package = Package(
  name: "weir",
  products: [
    .executable(name: "weir", targets: ["weir"]),
    // Products are not named after the libraries they wrap: see docs/ABI.md, "Loading".
    .library(name: "WeirYAML", type: .dynamic, targets: ["WeirYAML"]),
    .library(name: "WeirGzip", type: .dynamic, targets: ["WeirGzip"]),
    .library(name: "WeirElasticsearch", type: .dynamic, targets: ["WeirElasticsearch"]),
    .library(name: "WeirSampleRedact", type: .dynamic, targets: ["WeirSampleRedact"]),
    .library(name: "WeirSampleOutput", type: .dynamic, targets: ["WeirSampleOutput"]),
  ],
  targets: [
    // The C side: the ABI header, the kernels, and thin modules over system libraries.
    .target(name: "CWeirPlugin"),
    .target(name: "CWeirKernels", dependencies: ["CWeirPlugin"], cSettings: kernelFlags),
    .target(name: "CWeirSystem"),
    // Compiled against libcurl's header; the library is found at the first request: see
    // docs/decisions/0007-libcurl-at-first-use.md.
    .target(name: "CWeirHTTP"),
    .target(name: "CWeirFilters", cSettings: kernelFlags),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // The data plane, bottom to top.
    safeLibrary("WeirSystem", []),
    safeLibrary("WeirTelemetry", ["WeirSystem"]),
    safeLibrary("WeirRing", ["CWeirPlugin", "CWeirSystem", "WeirSystem"]),
    library("WeirBatch", ["CWeirPlugin", "CWeirKernels", "WeirSystem"]),
    safeLibrary("WeirConfig", ["CWeirSystem"]),
    library(
      "WeirDelivery",
      [
        "CSQLite", "CWeirHTTP", "CWeirSystem", "CXXHash", "WeirConfig", "WeirSystem",
        "WeirTelemetry",
      ]),
    safeLibrary(
      "WeirStage",
      ["WeirBatch", "WeirConfig", "WeirDelivery", "WeirRing", "WeirSystem", "WeirTelemetry"]),
    library(
      "WeirParsers",
      [
        "CPCRE2", "CWeirKernels", "CWeirPlugin", "WeirBatch", "WeirConfig", "WeirDelivery",
        "WeirRing", "WeirStage", "WeirSystem", "WeirTelemetry",
      ]),
    library(
      "WeirFilters",
      [
        "CWeirFilters", "CWeirPlugin", "WeirBatch", "WeirConfig", "WeirParsers", "WeirStage",
        "WeirTelemetry",
      ]),
    library(
      "WeirOutputs",
      [
        "CWeirKernels", "CWeirPlugin", "CWeirSystem", "WeirBatch", "WeirConfig", "WeirStage",
        "WeirTelemetry",
      ]),
    library(
      "WeirInputs",
      [
        "CWeirKernels", "CWeirSystem", "CSQLite", "CXXHash", "WeirBatch", "WeirConfig",
        "WeirDelivery", "WeirParsers", "WeirRing", "WeirStage", "WeirSystem", "WeirTelemetry",
      ]),
    library(
      "WeirPluginHost",
      [
        "CWeirPlugin", "CWeirSystem", "WeirBatch", "WeirConfig", "WeirDelivery", "WeirOutputs",
        "WeirRing", "WeirStage", "WeirSystem", "WeirTelemetry",
      ]),
    library(
      "WeirPipeline",
      [
        "WeirBatch", "WeirConfig", "WeirDelivery", "WeirFilters", "WeirInputs", "WeirOutputs",
        "WeirParsers", "WeirPluginHost", "WeirRing", "WeirStage", "WeirSystem", "WeirTelemetry",
      ]),
    // The host finds its plugins beside its own executable (scripts stage them there); -E is not
    // needed because plugins call back through the host table only.
    .executableTarget(
      name: "weir", dependencies: ["CWeirSystem", "WeirConfig", "WeirPipeline", "WeirPluginHost"],
      swiftSettings: safe),

    // For plugin authors, and the official plugins.
    .target(name: "WeirSDK", dependencies: ["CWeirPlugin"], swiftSettings: hot),
    .target(
      name: "WeirYAML", dependencies: ["CWeirPlugin", "CYAML", "WeirSDK"],
      path: "Plugins/YAML/Sources", swiftSettings: hot, linkerSettings: oneSymbol("plugin.map")),
    // Compiled against ISA-L's headers where they are installed; the library is found at run time.
    .target(name: "CGzipISAL", path: "Plugins/Gzip/ISAL"),
    .target(
      name: "WeirGzip", dependencies: ["CGzipISAL", "CWeirPlugin", "CZlib", "WeirSDK"],
      path: "Plugins/Gzip/Sources", swiftSettings: hot, linkerSettings: oneSymbol("plugin.map")),
    .target(
      name: "WeirElasticsearch", dependencies: ["CWeirPlugin", "CXXHash", "WeirSDK"],
      path: "Plugins/Elasticsearch/Sources", swiftSettings: hot,
      linkerSettings: oneSymbol("plugin.map")),
    .target(
      name: "WeirSampleRedact", dependencies: ["CWeirPlugin"],
      path: "Plugins/Samples/Redact/Sources", linkerSettings: oneSymbol("plugin.map")),
    .target(
      name: "WeirSampleOutput", dependencies: ["CWeirPlugin", "WeirSDK"],
      path: "Plugins/Samples/Output/Sources", swiftSettings: hot,
      linkerSettings: oneSymbol("plugin.map")),

    // Benchmarks: a corpus generator and a driver.
    .executableTarget(name: "weir-corpus", path: "Benchmarks/Corpus", swiftSettings: hot),
    .executableTarget(name: "weir-bench", path: "Benchmarks/Driver", swiftSettings: hot),

    // A server for tests and benchmarks that plays Elasticsearch; no product.
    .executableTarget(
      name: "weir-faultserver", dependencies: ["CZlib"], path: "Tests/FaultServer",
      exclude: ["README.md"], sources: ["."], publicHeadersPath: "."),

    // Tests mirror Sources.
    .target(name: "WeirTestSupport", path: "Tests/Support"),
    tests("WeirRingTests", ["WeirRing"]),
    tests("WeirBatchTests", ["CWeirKernels", "CWeirPlugin", "WeirBatch"]),
    tests("WeirConfigTests", ["CWeirPlugin", "CWeirSystem", "CYAML", "WeirConfig"]),
    tests(
      "WeirDeliveryTests",
      ["CSQLite", "CWeirSystem", "WeirConfig", "WeirDelivery", "WeirSystem", "WeirTelemetry"]),
    tests(
      "WeirParsersTests",
      [
        "CWeirPlugin", "WeirBatch", "WeirConfig", "WeirDelivery", "WeirParsers", "WeirRing",
        "WeirStage", "WeirTelemetry",
      ]),
    tests(
      "WeirFiltersTests",
      [
        "CWeirFilters", "CWeirKernels", "CWeirPlugin", "CYAML", "WeirBatch", "WeirConfig",
        "WeirFilters", "WeirParsers", "WeirStage", "WeirTelemetry",
      ]),
    tests(
      "WeirOutputsTests",
      [
        "CWeirKernels", "CWeirPlugin", "CWeirSystem", "WeirBatch", "WeirConfig", "WeirOutputs",
        "WeirStage", "WeirTelemetry",
      ]),
    tests(
      "WeirInputsTests",
      [
        "CSQLite", "CWeirSystem", "CZlib", "WeirBatch", "WeirConfig", "WeirDelivery",
        "WeirInputs", "WeirParsers", "WeirRing", "WeirStage", "WeirSystem", "WeirTelemetry",
      ]),
    tests(
      "WeirPluginHostTests",
      [
        "CWeirPlugin", "CWeirSystem", "WeirBatch", "WeirConfig", "WeirDelivery",
        "WeirPipeline", "WeirPluginHost", "WeirRing", "WeirSDK", "WeirStage", "WeirSystem",
        "WeirTelemetry",
      ]),
    tests(
      "WeirElasticsearchTests",
      [
        "CWeirPlugin", "CWeirSystem", "WeirBatch", "WeirConfig", "WeirPluginHost", "WeirStage",
        "WeirTelemetry",
      ]),
    tests("WeirPipelineTests", ["WeirParsers", "WeirPipeline", "WeirTelemetry", "WeirSystem"]),
    tests("EndToEndTests", ["CWeirSystem"]),
    tests("TidyTests", []),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
