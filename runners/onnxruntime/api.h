/* The part of ONNX Runtime's C ABI that this runner uses, by slot number.
 *
 * The runtime exports OrtGetApiBase(); GetApi(n) returns a table of function pointers that only ever grows,
 * so the index of a function is the same in every build since it was added. With our own list one runner
 * binary serves all builds from 1.10 on, and none of the runtime's headers is needed to compile it.
 * tests/unit/test_ort_api.c proves the numbers against the official header where that is installed. */
#ifndef TL_ORT_API_H
#define TL_ORT_API_H

#include "harness/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Opaque objects of the runtime. */
struct tl_ort_status;
struct tl_ort_env;
struct tl_ort_session;
struct tl_ort_session_options;
struct tl_ort_run_options;
struct tl_ort_value;
struct tl_ort_type_info;
struct tl_ort_tensor_info;
struct tl_ort_allocator;
struct tl_ort_cuda_options;

typedef struct tl_ort_status *tl_ort_result; /* NULL: success */
typedef void (*tl_ort_logger)(void *arg, int severity, const char *category, const char *id,
                              const char *place, const char *message);

/* NAME of the function in OrtApi, its slot, the first API version that has it (10: all builds we support),
 * what it returns, and its parameters. */
#define TL_ORT_FUNCTIONS(F)                                                                                  \
    F(GetErrorCode, 1, 10, int, (const struct tl_ort_status *status))                                        \
    F(GetErrorMessage, 2, 10, const char *, (const struct tl_ort_status *status))                            \
    F(ReleaseStatus, 93, 10, void, (struct tl_ort_status * status))                                          \
    F(CreateEnvWithCustomLogger, 4, 10, tl_ort_result,                                                       \
      (tl_ort_logger logger, void *arg, int severity, const char *id, struct tl_ort_env **out))              \
    F(ReleaseEnv, 92, 10, void, (struct tl_ort_env * env))                                                   \
    F(CreateSession, 7, 10, tl_ort_result,                                                                   \
      (const struct tl_ort_env *env, const char *path, const struct tl_ort_session_options *options,         \
       struct tl_ort_session **out))                                                                         \
    F(CreateSessionFromArray, 8, 10, tl_ort_result,                                                          \
      (const struct tl_ort_env *env, const void *model, size_t size,                                         \
       const struct tl_ort_session_options *options, struct tl_ort_session **out))                           \
    F(ReleaseSession, 95, 10, void, (struct tl_ort_session * session))                                       \
    F(Run, 9, 10, tl_ort_result,                                                                             \
      (struct tl_ort_session * session, const struct tl_ort_run_options *options,                            \
       const char *const *input_names, const struct tl_ort_value *const *inputs, size_t n_inputs,            \
       const char *const *output_names, size_t n_outputs, struct tl_ort_value **outputs))                    \
    F(CreateSessionOptions, 10, 10, tl_ort_result, (struct tl_ort_session_options * *out))                   \
    F(ReleaseSessionOptions, 100, 10, void, (struct tl_ort_session_options * options))                       \
    F(EnableMemPattern, 16, 10, tl_ort_result, (struct tl_ort_session_options * options))                    \
    F(DisableMemPattern, 17, 10, tl_ort_result, (struct tl_ort_session_options * options))                   \
    F(EnableCpuMemArena, 18, 10, tl_ort_result, (struct tl_ort_session_options * options))                   \
    F(DisableCpuMemArena, 19, 10, tl_ort_result, (struct tl_ort_session_options * options))                  \
    F(SetSessionLogSeverityLevel, 22, 10, tl_ort_result,                                                     \
      (struct tl_ort_session_options * options, int severity))                                               \
    F(SetSessionGraphOptimizationLevel, 23, 10, tl_ort_result,                                               \
      (struct tl_ort_session_options * options, int level))                                                  \
    F(SetIntraOpNumThreads, 24, 10, tl_ort_result, (struct tl_ort_session_options * options, int threads))   \
    F(SetInterOpNumThreads, 25, 10, tl_ort_result, (struct tl_ort_session_options * options, int threads))   \
    F(AddSessionConfigEntry, 130, 10, tl_ort_result,                                                         \
      (struct tl_ort_session_options * options, const char *key, const char *value))                         \
    F(SessionOptionsAppendExecutionProvider, 216, 12, tl_ort_result,                                         \
      (struct tl_ort_session_options * options, const char *name, const char *const *keys,                   \
       const char *const *values, size_t n))                                                                 \
    F(CreateCUDAProviderOptions, 205, 11, tl_ort_result, (struct tl_ort_cuda_options * *out))                \
    F(ReleaseCUDAProviderOptions, 208, 11, void, (struct tl_ort_cuda_options * options))                     \
    F(SessionOptionsAppendExecutionProvider_CUDA_V2, 204, 11, tl_ort_result,                                 \
      (struct tl_ort_session_options * options, const struct tl_ort_cuda_options *cuda))                     \
    F(GetAvailableProviders, 125, 10, tl_ort_result, (char ***names, int *n))                                \
    F(ReleaseAvailableProviders, 126, 10, tl_ort_result, (char **names, int n))                              \
    F(SessionGetInputCount, 30, 10, tl_ort_result, (const struct tl_ort_session *session, size_t *n))        \
    F(SessionGetOutputCount, 31, 10, tl_ort_result, (const struct tl_ort_session *session, size_t *n))       \
    F(SessionGetInputTypeInfo, 33, 10, tl_ort_result,                                                        \
      (const struct tl_ort_session *session, size_t i, struct tl_ort_type_info **out))                       \
    F(SessionGetInputName, 36, 10, tl_ort_result,                                                            \
      (const struct tl_ort_session *session, size_t i, struct tl_ort_allocator *a, char **out))              \
    F(SessionGetOutputName, 37, 10, tl_ort_result,                                                           \
      (const struct tl_ort_session *session, size_t i, struct tl_ort_allocator *a, char **out))              \
    F(CreateRunOptions, 39, 10, tl_ort_result, (struct tl_ort_run_options * *out))                           \
    F(ReleaseRunOptions, 97, 10, void, (struct tl_ort_run_options * options))                                \
    F(RunOptionsSetRunLogSeverityLevel, 41, 10, tl_ort_result,                                               \
      (struct tl_ort_run_options * options, int severity))                                                   \
    F(GetAllocatorWithDefaultOptions, 78, 10, tl_ort_result, (struct tl_ort_allocator * *out))               \
    F(AllocatorFree, 76, 10, tl_ort_result, (struct tl_ort_allocator * a, void *p))                          \
    F(CreateTensorAsOrtValue, 48, 10, tl_ort_result,                                                         \
      (struct tl_ort_allocator * a, const int64_t *dims, size_t rank, int dtype, struct tl_ort_value **out)) \
    F(ReleaseValue, 96, 10, void, (struct tl_ort_value * value))                                             \
    F(GetTensorMutableData, 51, 10, tl_ort_result, (struct tl_ort_value * value, void **out))                \
    F(FillStringTensor, 52, 10, tl_ort_result,                                                               \
      (struct tl_ort_value * value, const char *const *strings, size_t n))                                   \
    F(GetStringTensorDataLength, 53, 10, tl_ort_result, (const struct tl_ort_value *value, size_t *n))       \
    F(GetStringTensorContent, 54, 10, tl_ort_result,                                                         \
      (const struct tl_ort_value *value, void *data, size_t size, size_t *offsets, size_t n))                \
    F(CastTypeInfoToTensorInfo, 55, 10, tl_ort_result,                                                       \
      (const struct tl_ort_type_info *type, const struct tl_ort_tensor_info **out))                          \
    F(GetOnnxTypeFromTypeInfo, 56, 10, tl_ort_result, (const struct tl_ort_type_info *type, int *out))       \
    F(ReleaseTypeInfo, 98, 10, void, (struct tl_ort_type_info * type))                                       \
    F(ReleaseTensorTypeAndShapeInfo, 99, 10, void, (struct tl_ort_tensor_info * info))                       \
    F(GetTensorElementType, 60, 10, tl_ort_result, (const struct tl_ort_tensor_info *info, int *out))        \
    F(GetDimensionsCount, 61, 10, tl_ort_result, (const struct tl_ort_tensor_info *info, size_t *out))       \
    F(GetDimensions, 62, 10, tl_ort_result,                                                                  \
      (const struct tl_ort_tensor_info *info, int64_t *dims, size_t n))                                      \
    F(GetSymbolicDimensions, 63, 10, tl_ort_result,                                                          \
      (const struct tl_ort_tensor_info *info, const char **names, size_t n))                                 \
    F(GetTensorShapeElementCount, 64, 10, tl_ort_result,                                                     \
      (const struct tl_ort_tensor_info *info, size_t *out))                                                  \
    F(GetTensorTypeAndShape, 65, 10, tl_ort_result,                                                          \
      (const struct tl_ort_value *value, struct tl_ort_tensor_info **out))                                   \
    F(HasValue, 192, 11, tl_ort_result, (const struct tl_ort_value *value, int *out))                        \
    F(GetValueType, 67, 10, tl_ort_result, (const struct tl_ort_value *value, int *out))                     \
    F(GetValue, 80, 10, tl_ort_result,                                                                       \
      (const struct tl_ort_value *value, int i, struct tl_ort_allocator *a, struct tl_ort_value **out))      \
    F(GetValueCount, 81, 10, tl_ort_result, (const struct tl_ort_value *value, size_t *out))                 \
    F(CreateValue, 82, 10, tl_ort_result,                                                                    \
      (const struct tl_ort_value *const *values, size_t n, int kind, struct tl_ort_value **out))

/* The functions of one build. One that the build is too old for is NULL. */
struct tl_ort_api {
#define TL_ORT_MEMBER(name, slot, since, result, parameters) result(*name) parameters;
    TL_ORT_FUNCTIONS(TL_ORT_MEMBER)
#undef TL_ORT_MEMBER
};

#define TL_ORT_API_NEWEST 21 /* the table is asked for in this version, or an older build's own */

/* Enumerations of the runtime, as far as they are used here. */
enum tl_ort_kind { /* ONNXType */
                   TL_ORT_KIND_UNKNOWN = 0,
                   TL_ORT_KIND_TENSOR = 1,
                   TL_ORT_KIND_SEQUENCE = 2,
                   TL_ORT_KIND_MAP = 3,
                   TL_ORT_KIND_OPAQUE = 4,
                   TL_ORT_KIND_SPARSE = 5,
                   TL_ORT_KIND_OPTIONAL = 6,
};
enum tl_ort_severity { /* OrtLoggingLevel */
                       TL_ORT_VERBOSE = 0,
                       TL_ORT_INFO = 1,
                       TL_ORT_WARNING = 2,
                       TL_ORT_ERROR = 3,
                       TL_ORT_FATAL = 4,
};

/* Element types that are told apart here, by ONNX's numbers. */
enum tl_ort_dtype { TL_ORT_STRING = 8, TL_ORT_COMPLEX64 = 14, TL_ORT_COMPLEX128 = 15 };

const char *tl_ort_error_name(int code);  /* "INVALID_GRAPH" of ORT_INVALID_GRAPH; "code n" for one unknown */
const char *tl_ort_kind_name(int kind);   /* "tensor", "sequence", … */
const char *tl_ort_dtype_name(int dtype); /* "float32", … as ONNX writes them in lower case; "type n" */
unsigned tl_ort_dtype_bits(int dtype);    /* of one element; 0 for strings and types that are not known */

/* The API version to ask a runtime for that says it is `version` ("1.22.0"): 0 when that cannot be read. */
unsigned tl_ort_api_version(const char *version);

/* Loads a library and fills *api. *version points into the library. It is never unloaded: the runtime's
 * threads would lose their code. On failure *e has the loader's or our own words. */
int tl_ort_load(const char *path, struct tl_ort_api *api, const char **version, struct tl_error *e);

#endif
