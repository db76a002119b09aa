#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>
#include <wchar.h>

// The standard streams are macros.
static inline EditLine *millrace_el_init(const char *program) { return el_init(program, stdin, stdout, stderr); }

// `el_set` and `history` are variadic, which Swift cannot call: one wrapper for each use.

static inline int millrace_el_set_prompt(EditLine *line, char *(*prompt)(EditLine *)) { return el_set(line, EL_PROMPT, prompt); }
static inline int millrace_el_set_editor(EditLine *line, const char *name) { return el_set(line, EL_EDITOR, name); }
// Of the terminal while a statement runs: an option such as `+noflsh`.
static inline int millrace_el_set_terminal(EditLine *line, const char *option) { return el_set(line, EL_SETTY, "-x", option, NULL); }
static inline int millrace_el_set_history(EditLine *line, History *past) { return el_set(line, EL_HIST, history, past); }
static inline int millrace_el_bind(EditLine *line, const char *key, const char *command) { return el_set(line, EL_BIND, key, command, NULL); }
static inline int millrace_el_add_function(EditLine *line, const char *name, const char *help, unsigned char (*function)(EditLine *, int)) {
    return el_set(line, EL_ADDFN, name, help, function);
}
static inline int millrace_el_set_reader(EditLine *line, int (*reader)(EditLine *, wchar_t *)) { return el_wset(line, EL_GETCFN, reader); }
static inline int millrace_history_size(History *past, int size) { HistEvent event; return history(past, &event, H_SETSIZE, size); }
static inline int millrace_history_unique(History *past) { HistEvent event; return history(past, &event, H_SETUNIQUE, 1); }
static inline int millrace_history_enter(History *past, const char *text) { HistEvent event; return history(past, &event, H_ENTER, text); }
static inline int millrace_history_load(History *past, const char *path) { HistEvent event; return history(past, &event, H_LOAD, path); }
static inline const char *millrace_history_first(History *past) { HistEvent event; return history(past, &event, H_LAST) < 0 ? NULL : event.str; }
static inline const char *millrace_history_next(History *past) { HistEvent event; return history(past, &event, H_PREV) < 0 ? NULL : event.str; }

// Several shells write one file: each adds what is new, under a lock, so that none loses what another has written. `count` 0 writes the
// file anew with everything that this shell knows. (H_NSAVE_FP takes how many entries before the latest are to be written.)
static inline int millrace_history_write(History *past, const char *path, size_t count) {
    HistEvent event;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return -1;
    while (flock(descriptor, LOCK_EX) < 0) {
        if (errno == EINTR) continue;
        close(descriptor);
        return -1;
    }
    FILE *file = fdopen(descriptor, "r+");
    if (file == NULL) {
        close(descriptor);
        return -1;
    }
    int result = count == 0 ? ftruncate(descriptor, 0) : fseek(file, 0, SEEK_END);
    if (result == 0) result = count == 0 ? history(past, &event, H_SAVE_FP, file) : history(past, &event, H_NSAVE_FP, count - 1, file);
    if (fclose(file) != 0) result = -1;
    return result;
}
