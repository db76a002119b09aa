#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The library is opened when a listener is to speak TLS, not with the program: most servers never need it, a machine without it can run
// everything else, and the system keeps it up to date. It brings its own libcrypto, whose functions are found through it.
typedef struct {
    const SSL_METHOD *(*TLS_server_method)(void);
    const SSL_METHOD *(*TLS_client_method)(void);
    int (*SSL_CTX_set_default_verify_paths)(SSL_CTX *);
    void (*SSL_set_connect_state)(SSL *);
    long (*SSL_ctrl)(SSL *, int, long, void *);
    int (*SSL_set1_host)(SSL *, const char *);
    X509_VERIFY_PARAM *(*SSL_get0_param)(SSL *);
    int (*X509_VERIFY_PARAM_set1_ip_asc)(X509_VERIFY_PARAM *, const char *);
    SSL_CTX *(*SSL_CTX_new)(const SSL_METHOD *);
    void (*SSL_CTX_free)(SSL_CTX *);
    long (*SSL_CTX_ctrl)(SSL_CTX *, int, long, void *);
    uint64_t (*SSL_CTX_set_options)(SSL_CTX *, uint64_t);
    int (*SSL_CTX_set_session_id_context)(SSL_CTX *, const unsigned char *, unsigned int);
    int (*SSL_CTX_use_certificate)(SSL_CTX *, X509 *);
    int (*SSL_CTX_use_PrivateKey)(SSL_CTX *, EVP_PKEY *);
    int (*SSL_CTX_check_private_key)(const SSL_CTX *);
    X509_STORE *(*SSL_CTX_get_cert_store)(const SSL_CTX *);
    int (*SSL_CTX_add_client_CA)(SSL_CTX *, X509 *);
    void (*SSL_CTX_set_verify)(SSL_CTX *, int, SSL_verify_cb);
    SSL *(*SSL_new)(SSL_CTX *);
    void (*SSL_free)(SSL *);
    void (*SSL_set_bio)(SSL *, BIO *, BIO *);
    void (*SSL_set_accept_state)(SSL *);
    int (*SSL_do_handshake)(SSL *);
    int (*SSL_read)(SSL *, void *, int);
    int (*SSL_write)(SSL *, const void *, int);
    int (*SSL_shutdown)(SSL *);
    int (*SSL_get_error)(const SSL *, int);
    long (*SSL_get_verify_result)(const SSL *);
    const BIO_METHOD *(*BIO_s_mem)(void);
    BIO *(*BIO_new)(const BIO_METHOD *);
    BIO *(*BIO_new_mem_buf)(const void *, int);
    int (*BIO_up_ref)(BIO *);
    int (*BIO_free)(BIO *);
    int (*BIO_read)(BIO *, void *, int);
    int (*BIO_write)(BIO *, const void *, int);
    long (*BIO_ctrl)(BIO *, int, long, void *);
    X509 *(*PEM_read_bio_X509)(BIO *, X509 **, pem_password_cb *, void *);
    EVP_PKEY *(*PEM_read_bio_PrivateKey)(BIO *, EVP_PKEY **, pem_password_cb *, void *);
    void (*X509_free)(X509 *);
    void (*EVP_PKEY_free)(EVP_PKEY *);
    int (*X509_STORE_add_cert)(X509_STORE *, X509 *);
    const ASN1_TIME *(*X509_get0_notAfter)(const X509 *);
    int (*ASN1_TIME_diff)(int *, int *, const ASN1_TIME *, const ASN1_TIME *);
    const char *(*X509_verify_cert_error_string)(long);
    unsigned long (*ERR_get_error)(void);
    unsigned long (*ERR_peek_last_error)(void);
    void (*ERR_clear_error)(void);
    const char *(*ERR_reason_error_string)(unsigned long);
} millrace_tls;

static inline bool millrace_tls_open(millrace_tls *tls, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return false;
    tls->TLS_server_method = (const SSL_METHOD *(*)(void))dlsym(library, "TLS_server_method");
    tls->TLS_client_method = (const SSL_METHOD *(*)(void))dlsym(library, "TLS_client_method");
    tls->SSL_CTX_set_default_verify_paths = (int (*)(SSL_CTX *))dlsym(library, "SSL_CTX_set_default_verify_paths");
    tls->SSL_set_connect_state = (void (*)(SSL *))dlsym(library, "SSL_set_connect_state");
    tls->SSL_ctrl = (long (*)(SSL *, int, long, void *))dlsym(library, "SSL_ctrl");
    tls->SSL_set1_host = (int (*)(SSL *, const char *))dlsym(library, "SSL_set1_host");
    tls->SSL_get0_param = (X509_VERIFY_PARAM *(*)(SSL *))dlsym(library, "SSL_get0_param");
    tls->X509_VERIFY_PARAM_set1_ip_asc = (int (*)(X509_VERIFY_PARAM *, const char *))dlsym(library, "X509_VERIFY_PARAM_set1_ip_asc");
    tls->SSL_CTX_new = (SSL_CTX *(*)(const SSL_METHOD *))dlsym(library, "SSL_CTX_new");
    tls->SSL_CTX_free = (void (*)(SSL_CTX *))dlsym(library, "SSL_CTX_free");
    tls->SSL_CTX_ctrl = (long (*)(SSL_CTX *, int, long, void *))dlsym(library, "SSL_CTX_ctrl");
    tls->SSL_CTX_set_options = (uint64_t (*)(SSL_CTX *, uint64_t))dlsym(library, "SSL_CTX_set_options");
    tls->SSL_CTX_set_session_id_context = (int (*)(SSL_CTX *, const unsigned char *, unsigned int))dlsym(library, "SSL_CTX_set_session_id_context");
    tls->SSL_CTX_use_certificate = (int (*)(SSL_CTX *, X509 *))dlsym(library, "SSL_CTX_use_certificate");
    tls->SSL_CTX_use_PrivateKey = (int (*)(SSL_CTX *, EVP_PKEY *))dlsym(library, "SSL_CTX_use_PrivateKey");
    tls->SSL_CTX_check_private_key = (int (*)(const SSL_CTX *))dlsym(library, "SSL_CTX_check_private_key");
    tls->SSL_CTX_get_cert_store = (X509_STORE *(*)(const SSL_CTX *))dlsym(library, "SSL_CTX_get_cert_store");
    tls->SSL_CTX_add_client_CA = (int (*)(SSL_CTX *, X509 *))dlsym(library, "SSL_CTX_add_client_CA");
    tls->SSL_CTX_set_verify = (void (*)(SSL_CTX *, int, SSL_verify_cb))dlsym(library, "SSL_CTX_set_verify");
    tls->SSL_new = (SSL *(*)(SSL_CTX *))dlsym(library, "SSL_new");
    tls->SSL_free = (void (*)(SSL *))dlsym(library, "SSL_free");
    tls->SSL_set_bio = (void (*)(SSL *, BIO *, BIO *))dlsym(library, "SSL_set_bio");
    tls->SSL_set_accept_state = (void (*)(SSL *))dlsym(library, "SSL_set_accept_state");
    tls->SSL_do_handshake = (int (*)(SSL *))dlsym(library, "SSL_do_handshake");
    tls->SSL_read = (int (*)(SSL *, void *, int))dlsym(library, "SSL_read");
    tls->SSL_write = (int (*)(SSL *, const void *, int))dlsym(library, "SSL_write");
    tls->SSL_shutdown = (int (*)(SSL *))dlsym(library, "SSL_shutdown");
    tls->SSL_get_error = (int (*)(const SSL *, int))dlsym(library, "SSL_get_error");
    tls->SSL_get_verify_result = (long (*)(const SSL *))dlsym(library, "SSL_get_verify_result");
    tls->BIO_s_mem = (const BIO_METHOD *(*)(void))dlsym(library, "BIO_s_mem");
    tls->BIO_new = (BIO *(*)(const BIO_METHOD *))dlsym(library, "BIO_new");
    tls->BIO_new_mem_buf = (BIO *(*)(const void *, int))dlsym(library, "BIO_new_mem_buf");
    tls->BIO_up_ref = (int (*)(BIO *))dlsym(library, "BIO_up_ref");
    tls->BIO_free = (int (*)(BIO *))dlsym(library, "BIO_free");
    tls->BIO_read = (int (*)(BIO *, void *, int))dlsym(library, "BIO_read");
    tls->BIO_write = (int (*)(BIO *, const void *, int))dlsym(library, "BIO_write");
    tls->BIO_ctrl = (long (*)(BIO *, int, long, void *))dlsym(library, "BIO_ctrl");
    tls->PEM_read_bio_X509 = (X509 *(*)(BIO *, X509 **, pem_password_cb *, void *))dlsym(library, "PEM_read_bio_X509");
    tls->PEM_read_bio_PrivateKey = (EVP_PKEY *(*)(BIO *, EVP_PKEY **, pem_password_cb *, void *))dlsym(library, "PEM_read_bio_PrivateKey");
    tls->X509_free = (void (*)(X509 *))dlsym(library, "X509_free");
    tls->EVP_PKEY_free = (void (*)(EVP_PKEY *))dlsym(library, "EVP_PKEY_free");
    tls->X509_STORE_add_cert = (int (*)(X509_STORE *, X509 *))dlsym(library, "X509_STORE_add_cert");
    tls->X509_get0_notAfter = (const ASN1_TIME *(*)(const X509 *))dlsym(library, "X509_get0_notAfter");
    tls->ASN1_TIME_diff = (int (*)(int *, int *, const ASN1_TIME *, const ASN1_TIME *))dlsym(library, "ASN1_TIME_diff");
    tls->X509_verify_cert_error_string = (const char *(*)(long))dlsym(library, "X509_verify_cert_error_string");
    tls->ERR_get_error = (unsigned long (*)(void))dlsym(library, "ERR_get_error");
    tls->ERR_peek_last_error = (unsigned long (*)(void))dlsym(library, "ERR_peek_last_error");
    tls->ERR_clear_error = (void (*)(void))dlsym(library, "ERR_clear_error");
    tls->ERR_reason_error_string = (const char *(*)(unsigned long))dlsym(library, "ERR_reason_error_string");
    return tls->TLS_client_method && tls->SSL_CTX_set_default_verify_paths && tls->SSL_set_connect_state && tls->SSL_ctrl && tls->SSL_set1_host
        && tls->SSL_get0_param && tls->X509_VERIFY_PARAM_set1_ip_asc && tls->TLS_server_method && tls->SSL_CTX_new && tls->SSL_CTX_free && tls->SSL_CTX_ctrl && tls->SSL_CTX_set_options
        && tls->SSL_CTX_set_session_id_context && tls->SSL_CTX_use_certificate && tls->SSL_CTX_use_PrivateKey && tls->SSL_CTX_check_private_key && tls->SSL_CTX_get_cert_store
        && tls->SSL_CTX_add_client_CA && tls->SSL_CTX_set_verify && tls->SSL_new && tls->SSL_free && tls->SSL_set_bio
        && tls->SSL_set_accept_state && tls->SSL_do_handshake && tls->SSL_read && tls->SSL_write && tls->SSL_shutdown
        && tls->SSL_get_error && tls->SSL_get_verify_result && tls->BIO_s_mem && tls->BIO_new && tls->BIO_new_mem_buf
        && tls->BIO_up_ref && tls->BIO_free && tls->BIO_read && tls->BIO_write && tls->BIO_ctrl
        && tls->PEM_read_bio_X509 && tls->PEM_read_bio_PrivateKey && tls->X509_free && tls->EVP_PKEY_free && tls->X509_STORE_add_cert
        && tls->X509_get0_notAfter && tls->ASN1_TIME_diff && tls->X509_verify_cert_error_string && tls->ERR_get_error && tls->ERR_peek_last_error
        && tls->ERR_clear_error && tls->ERR_reason_error_string;
}

// What the headers have as macros with casts, which Swift cannot call.

// TLS 1.2 or later, and no session that the server would have to remember: tickets are the client's to keep.
static inline bool millrace_tls_restrict(const millrace_tls *tls, SSL_CTX *context) {
    tls->SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    tls->SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
    tls->SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    static const unsigned char name[] = "millrace";
    return tls->SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) == 1
        && tls->SSL_CTX_set_session_id_context(context, name, sizeof name - 1) == 1;
}

// The context owns the certificate from then on, where it takes it.
static inline bool millrace_tls_add_chain(const millrace_tls *tls, SSL_CTX *context, X509 *certificate) {
    return tls->SSL_CTX_ctrl(context, SSL_CTRL_EXTRA_CHAIN_CERT, 0, certificate) == 1;
}

// The certificate must be one of this host: a name, which the server is told as well, or an address.
static inline bool millrace_tls_expect(const millrace_tls *tls, SSL *session, const char *host) {
    if (tls->X509_VERIFY_PARAM_set1_ip_asc(tls->SSL_get0_param(session), host) == 1) return true;
    tls->ERR_clear_error();
    return tls->SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)host) == 1 && tls->SSL_set1_host(session, host) == 1;
}

static inline void millrace_tls_empty(const millrace_tls *tls, BIO *bytes) { tls->BIO_ctrl(bytes, BIO_CTRL_RESET, 0, NULL); }

static inline long millrace_tls_waiting(const millrace_tls *tls, BIO *bytes) { return tls->BIO_ctrl(bytes, BIO_CTRL_PENDING, 0, NULL); }

// A key with a passphrase is not asked for one: a server has no terminal.
static inline int millrace_tls_no_passphrase(char *buffer, int size, int writing, void *data) {
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

static inline X509 *millrace_tls_certificate(const millrace_tls *tls, BIO *text) {
    return tls->PEM_read_bio_X509(text, NULL, millrace_tls_no_passphrase, NULL);
}

static inline EVP_PKEY *millrace_tls_key(const millrace_tls *tls, BIO *text) {
    return tls->PEM_read_bio_PrivateKey(text, NULL, millrace_tls_no_passphrase, NULL);
}

static inline bool millrace_tls_was_no_pem(unsigned long error) {
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}
