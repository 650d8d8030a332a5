/* System calls that fail, or at which the process dies: loaded before the C library, into one process of a test.
 *
 * FAILING_CALLS holds rules, one a line:  CALL DO FIRST TIMES GLOB
 *   CALL   one of the names of calls below; `any`; or `change` for all but `open` and `read`
 *   DO     the number of an error; the same after a plus for a call that takes effect and reports the error all the
 *          same; `kill` for SIGKILL just before the call, `after` for SIGKILL just after it; `stop` for SIGSTOP just
 *          before it; `short` for a write of half of the bytes; `count` for nothing but a line in the log
 *   FIRST  the first call, counted from 1 among those that the rule is about, to which it happens
 *   TIMES  to how many calls it happens; 0 for all from the first one on
 *   GLOB   which paths the rule is about, as fnmatch(3) has it, a star for slashes too; after a tab, which paths not
 * FAILING_CALLS_LOG names a file to which each call that a rule is about is written, as `CALL PATH`.
 * A process that was forked takes new rules from these variables when it calls `failing_calls_begin`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST 32
#define NEVER 0
#define KILL_AFTER (-2)
#define SHORT (-3)
#define LATE (1 << 16)

struct rule {
    char call[16], what[16], glob[PATH_MAX], *but;
    int first, times, seen;
};

static struct rule rules[MOST];
static int count;
static int log_file = -1;
static __thread int inside;

__attribute__((constructor)) void failing_calls_begin(void)
{
    const char *text = getenv("FAILING_CALLS"), *log = getenv("FAILING_CALLS_LOG");
    count = 0;
    if (log)
        log_file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    while (text && *text && count < MOST) {
        struct rule *rule = &rules[count];
        rule->seen = 0;
        if (sscanf(text, "%15s %15s %d %d %4095[^\n]", rule->call, rule->what, &rule->first, &rule->times, rule->glob) == 5) {
            rule->but = strchr(rule->glob, '\t');
            if (rule->but)
                *rule->but++ = 0;
            count++;
        }
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

static int is_about(const struct rule *rule, const char *call, const char *path)
{
    int named = !strcmp(rule->call, call) || !strcmp(rule->call, "any") ||
        (!strcmp(rule->call, "change") && strcmp(call, "open") && strcmp(call, "read"));
    return named && path && !fnmatch(rule->glob, path, 0) && (!rule->but || fnmatch(rule->but, path, 0));
}

/* Return what is to happen to a call: NEVER, an error's number, that plus LATE, KILL_AFTER or SHORT. */
static int decide(const char *call, const char *path, const char *other)
{
    int found = NEVER, saved = errno;
    if (inside)
        return NEVER;
    inside = 1;
    for (int index = 0; index < count; index++) {
        struct rule *rule = &rules[index];
        if (!is_about(rule, call, path) && !is_about(rule, call, other))
            continue;
        int number = __atomic_add_fetch(&rule->seen, 1, __ATOMIC_SEQ_CST);
        if (log_file >= 0) {
            char line[2 * PATH_MAX + 32];
            int size = snprintf(line, sizeof line, "%s %s\n", call, other && *other ? other : path);
            syscall(SYS_write, log_file, line, size);
        }
        if (number < rule->first || (rule->times && number >= rule->first + rule->times))
            continue;
        if (!strcmp(rule->what, "kill"))
            die();
        else if (!strcmp(rule->what, "stop"))
            syscall(SYS_kill, getpid(), SIGSTOP);
        else if (!strcmp(rule->what, "after"))
            found = KILL_AFTER;
        else if (!strcmp(rule->what, "short"))
            found = SHORT;
        else if (strcmp(rule->what, "count"))
            found = atoi(rule->what) | (rule->what[0] == '+' ? LATE : 0);
    }
    inside = 0;
    errno = saved;
    return found;
}

static void of_descriptor(int number, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", number);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size < 0 ? 0 : size] = 0;
}

static void of_name(int directory, const char *name, char *path)
{
    size_t size = 0;
    if (name[0] != '/') {
        if (directory == AT_FDCWD) {
            if (!getcwd(path, PATH_MAX - 2))
                path[0] = 0;
        } else
            of_descriptor(directory, path);
        size = strlen(path);
        path[size++] = '/';
    }
    snprintf(path + size, PATH_MAX - size, "%s", name);
}

/* Make the call, or fail as decided. Variables `path` and `other` are there; the last argument is the real call. */
#define HAPPEN(name, kind, real)                                                                                       \
    int happens = count ? decide(name, path, other) : NEVER;                                                           \
    if (happens > 0 && !(happens & LATE)) {                                                                            \
        errno = happens;                                                                                               \
        return -1;                                                                                                     \
    }                                                                                                                  \
    kind result = real;                                                                                                \
    if (happens == KILL_AFTER)                                                                                         \
        die();                                                                                                         \
    if (happens > 0) {                                                                                                 \
        errno = happens & ~LATE;                                                                                       \
        return -1;                                                                                                     \
    }                                                                                                                  \
    return result;

#define REAL(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define BY_DESCRIPTOR(kind, symbol, name, parameters, number, arguments)                                               \
    kind symbol parameters                                                                                             \
    {                                                                                                                  \
        REAL(symbol);                                                                                                  \
        char path[PATH_MAX] = "", *other = NULL;                                                                       \
        if (count)                                                                                                     \
            of_descriptor(number, path);                                                                               \
        HAPPEN(name, kind, next arguments)                                                                             \
    }

#define BY_NAME(symbol, name, parameters, directory, file, arguments)                                                  \
    int symbol parameters                                                                                              \
    {                                                                                                                  \
        REAL(symbol);                                                                                                  \
        char path[PATH_MAX] = "", *other = NULL;                                                                       \
        if (count)                                                                                                     \
            of_name(directory, file, path);                                                                            \
        HAPPEN(name, int, next arguments)                                                                              \
    }

#define BY_NAMES(symbol, name, parameters, directory, file, to_directory, to_file, arguments)                          \
    int symbol parameters                                                                                              \
    {                                                                                                                  \
        REAL(symbol);                                                                                                  \
        char path[PATH_MAX] = "", target[PATH_MAX] = "", *other = target;                                              \
        if (count) {                                                                                                   \
            of_name(directory, file, path);                                                                            \
            of_name(to_directory, to_file, target);                                                                    \
        }                                                                                                              \
        HAPPEN(name, int, next arguments)                                                                              \
    }

#define OPEN(symbol, parameters, directory, arguments)                                                                 \
    int symbol parameters                                                                                              \
    {                                                                                                                  \
        REAL(symbol);                                                                                                  \
        char path[PATH_MAX] = "", *other = NULL;                                                                       \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                                      \
        va_end(list);                                                                                                  \
        if (count)                                                                                                     \
            of_name(directory, file, path);                                                                            \
        HAPPEN(flags & O_CREAT ? "create" : "open", int, next arguments)                                               \
    }

OPEN(open, (const char *file, int flags, ...), AT_FDCWD, (file, flags, mode))
OPEN(open64, (const char *file, int flags, ...), AT_FDCWD, (file, flags, mode))
OPEN(openat, (int at, const char *file, int flags, ...), at, (at, file, flags, mode))
OPEN(openat64, (int at, const char *file, int flags, ...), at, (at, file, flags, mode))

BY_DESCRIPTOR(ssize_t, read, "read", (int number, void *data, size_t size), number, (number, data, size))
BY_DESCRIPTOR(ssize_t, pread64, "read", (int number, void *data, size_t size, off64_t at), number, (number, data, size, at))
BY_DESCRIPTOR(ssize_t, pwrite64, "write", (int number, const void *data, size_t size, off64_t at), number, (number, data, size, at))
BY_DESCRIPTOR(int, fsync, "fsync", (int number), number, (number))
BY_DESCRIPTOR(int, fdatasync, "fsync", (int number), number, (number))
BY_DESCRIPTOR(int, syncfs, "syncfs", (int number), number, (number))
BY_DESCRIPTOR(int, futimens, "utime", (int number, const struct timespec times[2]), number, (number, times))
BY_DESCRIPTOR(int, fchmod, "chmod", (int number, mode_t mode), number, (number, mode))
BY_DESCRIPTOR(int, ftruncate64, "truncate", (int number, off64_t size), number, (number, size))

ssize_t write(int number, const void *data, size_t size)
{
    REAL(write);
    char path[PATH_MAX] = "", *other = NULL;
    if (count)
        of_descriptor(number, path);
    int happens = count ? decide("write", path, other) : NEVER;
    if (happens > 0 && !(happens & LATE)) {
        errno = happens;
        return -1;
    }
    ssize_t result = next(number, data, happens == SHORT && size > 1 ? size / 2 : size);
    if (happens == KILL_AFTER)
        die();
    if (happens > 0) {
        errno = happens & ~LATE;
        return -1;
    }
    return result;
}

BY_NAME(unlink, "unlink", (const char *file), AT_FDCWD, file, (file))
BY_NAME(unlinkat, "unlink", (int at, const char *file, int flags), at, file, (at, file, flags))
BY_NAME(rmdir, "rmdir", (const char *file), AT_FDCWD, file, (file))
BY_NAME(mkdir, "mkdir", (const char *file, mode_t mode), AT_FDCWD, file, (file, mode))
BY_NAME(mkdirat, "mkdir", (int at, const char *file, mode_t mode), at, file, (at, file, mode))

BY_NAME(utimensat, "utime", (int at, const char *file, const struct timespec times[2], int flags), at, file, (at, file, times, flags))
BY_NAME(chmod, "chmod", (const char *file, mode_t mode), AT_FDCWD, file, (file, mode))
BY_NAME(fchmodat, "chmod", (int at, const char *file, mode_t mode, int flags), at, file, (at, file, mode, flags))

BY_NAMES(rename, "rename", (const char *file, const char *to), AT_FDCWD, file, AT_FDCWD, to, (file, to))
BY_NAMES(renameat, "rename", (int at, const char *file, int to_at, const char *to), at, file, to_at, to, (at, file, to_at, to))
BY_NAMES(renameat2, "rename", (int at, const char *file, int to_at, const char *to, unsigned int flags), at, file, to_at, to, (at, file, to_at, to, flags))
BY_NAMES(link, "link", (const char *file, const char *to), AT_FDCWD, file, AT_FDCWD, to, (file, to))
BY_NAMES(linkat, "link", (int at, const char *file, int to_at, const char *to, int flags), at, file, to_at, to, (at, file, to_at, to, flags))
