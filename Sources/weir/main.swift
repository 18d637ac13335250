import Glibc

// Everything that is decided here is in `Program`; this file only turns its answer into an exit.
exit(Program(CommandLine.arguments).run())
