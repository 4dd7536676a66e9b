// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// Messages of the protocol of runners (docs/runners.md), over the console that devicectl passes on. A message is a line
// of JSON behind a mark: on this stream there are also lines of the runtime and of devicectl.
import Darwin
import Foundation

enum Console {
    static let mark = "@trapline "

    /// Written at once, for what is in a buffer when the process dies is lost; and on a line of its own, since what was
    /// printed before may have no newline yet.
    static func send(_ message: [String: Any]) {
        let line: String
        if let data = try? JSONSerialization.data(withJSONObject: message), data.count < 65_000 {
            line = String(decoding: data, as: UTF8.self)
        } else {
            line = #"{"error":{"domain":"protocol","code":"too-large","message":"the message cannot be sent as one line"}}"#
        }
        fflush(stdout)
        let bytes = Array(("\n" + mark + line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let n = bytes[sent...].withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if n < 0 && errno != EINTR {
                return
            }
            sent += max(n, 0)
        }
    }

    /// Which process this is, and what time it is here: by that its crash report is told from others.
    static func hello() {
        send([
            "app": [
                "pid": Int(getpid()),
                "process": ProcessInfo.processInfo.processName,
                "now_us": Int(Date().timeIntervalSince1970 * 1_000_000),
            ]
        ])
    }

    static func phase(_ name: String) {
        send(["phase": name])
    }

    static func error(domain: String, code: String, message: String) {
        send(["error": ["domain": domain.isEmpty ? "unknown" : domain, "code": code, "message": String(message.prefix(8000))]])
    }

    static func unsupported(_ why: String) {
        send(["unsupported": why.isEmpty ? "no reason was given" : why])
    }

    /// A value of sysctl, such as hw.machine; empty when there is none.
    static func system(_ name: String) -> String {
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 0 else {
            return ""
        }
        var bytes = [UInt8](repeating: 0, count: size)
        guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else {
            return ""
        }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
