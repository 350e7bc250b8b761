/* Records what a process does to the files of one folder, and makes chosen calls fail; loaded by LD_PRELOAD.
 *
 * RECORDER_FOLDER: only files whose path begins so.
 * RECORDER_LOG: file that each write, truncation, creation, removal, renaming and sync is appended to, one record each:
 *   length u32, operation u8, first path's length u16, second path's length u16, offset u64, data's length u32, then the
 *   paths and the data. Little endian. Operations: W write, T truncate, C create, U unlink, R rename, S sync.
 * recorder_arm(kill_at, fail_at, error, sticky): from now on kill the process at the n-th call, after half of its write
 *   went through, or let the n-th call fail (all later ones too when sticky); 0 for never. Calls count from 1 on.
 * recorder_calls(): calls since then.
 * RECORDER_CONTROL: a file of a page, shared by all processes that have it: what one arms and counts, all do, and when
 *   one is to die they all die. It begins as zeros; recorder_join() makes a forked child one of them, and
 *   recorder_end() kills all the others.
 * Syncs are recorded and not done: what they promise is what the images are made from.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096
static char *paths[FILES];
static const char *folder;
static size_t folder_length;
static int log_file = -1, ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct control {
    long calls, kill_at, fail_at;
    int failure, sticky, armed, joined;
    int members[64];
} alone, *control = &alone;

void recorder_join(void) {
    int place = __atomic_fetch_add(&control->joined, 1, __ATOMIC_SEQ_CST);
    if (place < 64) control->members[place] = syscall(SYS_getpid);
}

static void prepare(void) {
    if (ready) return;
    ready = 1;
    folder = getenv("RECORDER_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    const char *log = getenv("RECORDER_LOG");
    if (log) log_file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *shared = getenv("RECORDER_CONTROL");
    if (shared) {
        int file = syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (control == MAP_FAILED) abort();
        syscall(SYS_close, file);
        recorder_join();
    }
}
__attribute__((constructor)) static void begin(void) { prepare(); }

void recorder_arm(long kill, long fail, int error, int forever) {
    control->calls = 0; control->kill_at = kill; control->fail_at = fail;
    control->failure = error; control->sticky = forever; control->armed = 1;
}
void recorder_end(void) {  /* whoever has joined but this process */
    for (int place = 0; place < control->joined && place < 64; place++)
        if (control->members[place] != syscall(SYS_getpid)) syscall(SYS_kill, control->members[place], SIGKILL);
}
long recorder_calls(void) { return control->calls; }

static int is_ours(const char *path) {
    prepare();
    return folder_length && path && !strncmp(path, folder, folder_length);
}

static void put(char operation, const char *first, const char *second, uint64_t offset, const void *data, uint32_t size) {
    if (log_file < 0) return;
    unsigned char head[21];
    uint16_t a = strlen(first), b = second ? strlen(second) : 0;
    uint32_t length = sizeof head - 4 + a + b + size;
    memcpy(head, &length, 4); head[4] = operation; memcpy(head + 5, &a, 2); memcpy(head + 7, &b, 2);
    memcpy(head + 9, &offset, 8); memcpy(head + 17, &size, 4);
    struct iovec parts[4] = {{head, sizeof head}, {(void *)first, a}, {(void *)second, b}, {(void *)data, size}};
    syscall(SYS_writev, log_file, parts, 4);
}

/* Count a call; die or return -1 when its turn has come. */
static int turn(int file, const void *data, size_t size, off_t offset) {
    if (!control->armed) return 0;
    long calls = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (control->kill_at && calls == control->kill_at) {
        if (data && size > 1) {
            if (offset < 0) syscall(SYS_write, file, data, size / 2);
            else syscall(SYS_pwrite64, file, data, size / 2, offset);
        }
        recorder_end();
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    }
    long fail_at = control->fail_at;
    if (fail_at && (calls == fail_at || (control->sticky && calls > fail_at))) { errno = control->failure; return -1; }
    return 0;
}

#define NEXT(name) ({ static __typeof__(&name) found; if (!found) found = dlsym(RTLD_NEXT, #name); found; })

static int exists(const char *path) { struct stat found; return !stat(path, &found); }

static int opened(int file, const char *path, int flags, int existed) {
    if (file < 0 || file >= FILES) return file;
    pthread_mutex_lock(&lock);
    free(paths[file]);
    paths[file] = is_ours(path) ? strdup(path) : NULL;
    if (paths[file] && !existed) put('C', path, NULL, 0, NULL, 0);
    else if (paths[file] && (flags & O_TRUNC)) put('T', path, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return file;
}

#define OPENER(name, before, given)                                                              \
    int name(before const char *path, int flags, ...) {                                          \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);   \
        int ours = is_ours(path), existed = ours && exists(path);                                \
        if (ours && !existed && (flags & O_CREAT)) {                                             \
            pthread_mutex_lock(&lock); int bad = turn(-1, NULL, 0, 0); pthread_mutex_unlock(&lock); \
            if (bad) return -1;                                                                  \
        }                                                                                        \
        return opened(NEXT(name)(given path, flags, mode), path, flags, existed);                \
    }
#define NOTHING
OPENER(open, NOTHING, NOTHING)
OPENER(open64, NOTHING, NOTHING)
#define AT_PARAMETER int at,
#define AT_ARGUMENT at,
OPENER(openat, AT_PARAMETER, AT_ARGUMENT)
OPENER(openat64, AT_PARAMETER, AT_ARGUMENT)

int close(int file) {
    if (file >= 0 && file < FILES && paths[file]) {
        pthread_mutex_lock(&lock); free(paths[file]); paths[file] = NULL; pthread_mutex_unlock(&lock);
    }
    return NEXT(close)(file);
}

static const char *path_of(int file) { return file >= 0 && file < FILES ? paths[file] : NULL; }

static ssize_t written(int file, const void *data, size_t size, off_t offset) {
    const char *path = path_of(file);
    if (!path) return offset < 0 ? syscall(SYS_write, file, data, size) : syscall(SYS_pwrite64, file, data, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t result = -1;
    if (!turn(file, data, size, offset)) {
        off_t at = offset;
        if (offset < 0) at = lseek(file, 0, fcntl(file, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
        put('W', path, NULL, at, data, size);
        result = offset < 0 ? syscall(SYS_write, file, data, size) : syscall(SYS_pwrite64, file, data, size, offset);
    }
    pthread_mutex_unlock(&lock);
    return result;
}
ssize_t write(int file, const void *data, size_t size) { return written(file, data, size, -1); }
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) { return written(file, data, size, offset); }
ssize_t pwrite64(int file, const void *data, size_t size, off_t offset) { return written(file, data, size, offset); }

static int synced(int file, int call) {
    const char *path = path_of(file);
    if (!path) return syscall(call, file);
    pthread_mutex_lock(&lock);
    int result = turn(file, NULL, 0, 0);
    if (!result) put('S', path, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int fsync(int file) { return synced(file, SYS_fsync); }
int fdatasync(int file) { return synced(file, SYS_fdatasync); }

static int truncated(int file, off_t size) {
    const char *path = path_of(file);
    if (!path) return syscall(SYS_ftruncate, file, size);
    pthread_mutex_lock(&lock);
    int result = turn(file, NULL, 0, 0);
    if (!result) { put('T', path, NULL, size, NULL, 0); result = syscall(SYS_ftruncate, file, size); }
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate(int file, off_t size) { return truncated(file, size); }
int ftruncate64(int file, off_t size) { return truncated(file, size); }

static int named(char operation, const char *first, const char *second) {
    if (!is_ours(first)) return 0;
    pthread_mutex_lock(&lock);
    int result = turn(-1, NULL, 0, 0);
    if (!result) put(operation, first, second, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int unlink(const char *path) { return named('U', path, NULL) ? -1 : NEXT(unlink)(path); }
int rename(const char *from, const char *to) { return named('R', from, to) ? -1 : NEXT(rename)(from, to); }
