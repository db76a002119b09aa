#include <curl/curl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

// The library is opened when the first request is made, not with the program: it brings some thirty others along, which most servers never
// need, and a machine without it can run everything else.
typedef struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_reset)(CURL *);
    void (*easy_cleanup)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    CURLcode (*easy_perform)(CURL *);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
} millrace_curl;

static inline bool millrace_curl_open(millrace_curl *curl, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return false;
    curl->global_init = (CURLcode (*)(long))dlsym(library, "curl_global_init");
    curl->easy_init = (CURL *(*)(void))dlsym(library, "curl_easy_init");
    curl->easy_reset = (void (*)(CURL *))dlsym(library, "curl_easy_reset");
    curl->easy_cleanup = (void (*)(CURL *))dlsym(library, "curl_easy_cleanup");
    curl->easy_setopt = (CURLcode (*)(CURL *, CURLoption, ...))dlsym(library, "curl_easy_setopt");
    curl->easy_getinfo = (CURLcode (*)(CURL *, CURLINFO, ...))dlsym(library, "curl_easy_getinfo");
    curl->easy_perform = (CURLcode (*)(CURL *))dlsym(library, "curl_easy_perform");
    curl->easy_strerror = (const char *(*)(CURLcode))dlsym(library, "curl_easy_strerror");
    curl->slist_append = (struct curl_slist *(*)(struct curl_slist *, const char *))dlsym(library, "curl_slist_append");
    curl->slist_free_all = (void (*)(struct curl_slist *))dlsym(library, "curl_slist_free_all");
    bool whole = curl->global_init && curl->easy_init && curl->easy_reset && curl->easy_cleanup && curl->easy_setopt && curl->easy_getinfo
        && curl->easy_perform && curl->easy_strerror && curl->slist_append && curl->slist_free_all;
    return whole && curl->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

// One request. Texts end with a zero; those that are NULL are left out.
typedef struct {
    const char *url, *method, *user, *authorities;
    const char *body;
    long body_bytes, connect_ms, total_ms;
    struct curl_slist *headers;
    size_t (*receive)(char *, size_t, size_t, void *);
    void *receiver;
    // CURL_ERROR_SIZE bytes, for the reason in words.
    char *reason;
} millrace_curl_request;

static inline const char *millrace_curl_agent(void) { return "millrace"; }

// `curl_easy_setopt` is variadic, which Swift cannot call. Redirects are followed by GET only, and never away from HTTP.
static inline CURLcode millrace_curl_perform(const millrace_curl *curl, CURL *handle, const millrace_curl_request *request, long *status) {
    CURLcode (*set)(CURL *, CURLoption, ...) = curl->easy_setopt;
    curl->easy_reset(handle);
    bool fits = set(handle, CURLOPT_URL, request->url) == CURLE_OK && set(handle, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK
        && set(handle, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && set(handle, CURLOPT_USERAGENT, millrace_curl_agent()) == CURLE_OK
        && set(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK
        && set(handle, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK
        && set(handle, CURLOPT_FOLLOWLOCATION, request->body == NULL ? 1L : 0L) == CURLE_OK && set(handle, CURLOPT_MAXREDIRS, 3L) == CURLE_OK
        && set(handle, CURLOPT_CONNECTTIMEOUT_MS, request->connect_ms) == CURLE_OK
        && set(handle, CURLOPT_TIMEOUT_MS, request->total_ms) == CURLE_OK && set(handle, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK
        && set(handle, CURLOPT_WRITEFUNCTION, request->receive) == CURLE_OK && set(handle, CURLOPT_WRITEDATA, request->receiver) == CURLE_OK
        && set(handle, CURLOPT_ERRORBUFFER, request->reason) == CURLE_OK;
    if (fits && request->body != NULL) {
        fits = set(handle, CURLOPT_POSTFIELDSIZE, request->body_bytes) == CURLE_OK && set(handle, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
    }
    if (fits && request->user != NULL) fits = set(handle, CURLOPT_USERPWD, request->user) == CURLE_OK;
    if (fits && request->authorities != NULL) fits = set(handle, CURLOPT_CAINFO, request->authorities) == CURLE_OK;
    if (!fits) return CURLE_FAILED_INIT;
    CURLcode code = curl->easy_perform(handle);
    if (code == CURLE_OK) code = curl->easy_getinfo(handle, CURLINFO_RESPONSE_CODE, status);
    return code;
}
