#include "harness/base/reporting.h"

#include "harness/base/buffer.h"

#include <string.h>

/* clang-format off */
/* '*' stands for anything, once in a name. */
static const char *const reporting[] = {
    /* logging and checking of Google's */
    "google::LogMessage::*", "google::LogMessageFatal::*", "google::NullStreamFatal::*", "google::logging_fail",
    "google::DumpStackTraceAndExit", "absl::log_internal::*", "absl::raw_log_internal::*", "absl::base_internal::*",
    "absl::*::log_internal::", "absl::*::base_internal::", "absl::*::raw_log_internal::",
    "logging::LogMessage::*", "logging::LogMessageFatal::*", "google::protobuf::internal::LogMessage::*",
    "google::protobuf::internal::LogFinisher::*", "tsl::internal::LogMessageFatal::*",
    "tensorflow::internal::LogMessageFatal::*",
    /* LLVM, and MLIR with it */
    "llvm::report_fatal_error", "llvm::report_bad_alloc_error", "llvm::llvm_unreachable_internal",
    "llvm::sys::RunSignalHandlers", "llvm::sys::PrintStackTrace", "mlir::emitError*",
    /* ONNX Runtime */
    "onnxruntime::OnnxRuntimeException::*", "onnxruntime::logging::Capture::*", "Ort::ThrowOnError",
    "Ort::detail::ThrowStatus", "Ort::ThrowStatus", "gsl::details::terminate", "gsl::fail_fast*",
    /* PyTorch */
    "c10::detail::torchCheckFail", "c10::detail::torchInternalAssertFail", "c10::Error::*",
    "c10::ThrowEnforceNotMet", "c10::throw_error", "c10::impl::throwNullDataPtrError", "at::mps::dispatch_sync_with_rethrow*",
    /* ggml, and what it is built into */
    "ggml_abort", "ggml_print_backtrace*", "ggml_critical_section_abort", "ggml_cuda_error", "ggml_uncaught_exception*",
    "common_abort",
    /* Metal, and those who assert through it */
    "MTLReportFailure*", "_MTLReportFailure*", "MTLReleaseAssertionFailure*", "MTLGetReportFailure*", "_MTLMessageContextEnd*",
    "MTLDebugReportFailure*", "MPSKernelReportFailure*",
    /* Apple's other ways to end a process; names that Swift and Objective-C keep for themselves */
    "os_crash*", "_os_crash*", "_os_assert*", "_os_assumes*", "abort_with_reason", "abort_with_payload*", "__abort_with_payload",
    "objc_exception_throw", "objc_terminate", "_objc_terminate*", "_objc_fatal*", "__exceptionPreprocess",
    "CFThrowFormattedException", "_CFThrowFormattedException", "-[NSAssertionHandler *", "+[NSException *",
    "-[NSException *", "-[NSObject(NSObject) doesNotRecognizeSelector:]*", "___forwarding___", "_CF_forwarding_prep_*",
    "swift_unexpectedError*", "swift_reportError*", "_swift_runtime_on_report", "_swift_stdlib_report*",
    "_swift_reportFatal*", "swift::fatalError*", "swift::swift_abort*",
    /* of whoever does not use any of these */
    "__assert_rtn", "__assert_fail", "__assert_perror_fail", "__assert2",
    "std::terminate", "std::__terminate", "std::__throw_*", "std::__libcpp_verbose_abort", "std::__glibcxx_assert_fail",
};
/* clang-format on */

static bool fits(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return !strcmp(name, pattern);
    size_t k = (size_t)(star - pattern);
    return !strncmp(name, pattern, k) && (!star[1] || strstr(name + k, star + 1));
}

bool tl_is_reporting_function(const char *name)
{
    for (size_t i = 0; name && i < TL_COUNT(reporting); i++)
        if (fits(reporting[i], name))
            return true;
    return false;
}

bool tl_is_raising_function(const char *name)
{
    static const char *const names[] = {"os_kill", "os_abort",       "abort",       "raise",
                                        "kill",    "__pthread_kill", "pthread_kill"};
    return name && tl_is_one_of(name, names, TL_COUNT(names));
}
