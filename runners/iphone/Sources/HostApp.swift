// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// The app: it does what its arguments say, one trial, and exits. It has a window because iOS wants one.
//
//   --describe         what it has, as one message
//   --trial REQUEST    one trial
//   --end              nothing: whoever launches it so wants an app that still runs to be gone
import Foundation
import SwiftUI

@main
struct HostApp: App {
    init() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        Task.detached(priority: .userInitiated) {
            await HostApp.run(arguments)
        }
    }

    var body: some Scene {
        WindowGroup {
            Text("trapline: this app does what it is asked for over its console, and exits.")
                .padding()
        }
    }

    /// Not on the main thread: iOS ends an app that does not answer there.
    nonisolated static func run(_ arguments: [String]) async {
        Console.hello()
        switch arguments.first {
        case "--describe":
            Console.send(Trial.description())
        case "--trial" where arguments.count == 2:
            await Trial.run(arguments[1])
        case "--end":
            break
        case nil:
            return  // somebody tapped its icon
        default:
            Console.error(domain: "protocol", code: "request", message: "--describe, --trial REQUEST or --end was expected")
        }
        exit(0)
    }
}
