/// Replaced when the plugin command lands.
func runPluginCommand(_ arguments: [String]) -> Int32 { 1 }
