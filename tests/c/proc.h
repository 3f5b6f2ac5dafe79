/* What this process holds, as the kernel tells it (Linux), and the time. */
#ifndef SINEW_TESTS_PROC_H
#define SINEW_TESTS_PROC_H

#include <dirent.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    unsigned threads, descriptors, sockets;
} figures;

static inline uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The time that the host of a virtual machine gave to others while its processors had work, summed over all of them since it started. */
static inline uint64_t stolen_ms(void)
{
    unsigned long long stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL || fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &stolen) != 1) {
        perror("/proc/stat");
        exit(1);
    }
    fclose(file);
    return stolen * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static inline DIR *open_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        exit(1);
    }
    return folder;
}

static inline unsigned count_threads(void)
{
    DIR *folder = open_folder("/proc/self/task");
    struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

/* A thread that has been joined may show for a moment yet: the kernel wakes who joins it before it takes its entry away. */
static inline void wait_for_threads(unsigned expected)
{
    uint64_t deadline = now_ms() + 5000;
    while (count_threads() != expected && now_ms() < deadline) {
        sched_yield();
    }
    if (count_threads() != expected) {
        fprintf(stderr, "%u threads are left, not %u\n", count_threads(), expected);
        exit(1);
    }
}

static inline figures take_figures(void)
{
    figures taken = {0, 0, 0};
    DIR *folder = open_folder("/proc/self/fd");
    struct dirent *entry;
    taken.threads = count_threads();
    while ((entry = readdir(folder)) != NULL) {
        char path[300], target[256];
        ssize_t length;
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        length = readlink(path, target, sizeof target - 1);
        if (entry->d_name[0] != '.' && length > 0 && atoi(entry->d_name) != dirfd(folder)) {
            target[length] = '\0';
            taken.descriptors++;
            taken.sockets += strncmp(target, "socket:", 7) == 0;
        }
    }
    closedir(folder);
    return taken;
}

static inline unsigned long resident_kib(void)
{
    unsigned long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(file);
    return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* Whether a file of this name is mapped into this process. */
static inline int is_mapped(const char *name)
{
    char line[4096];
    int found = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    if (file == NULL) {
        perror("/proc/self/maps");
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        found = found || strstr(line, name) != NULL;
    }
    fclose(file);
    return found;
}

#endif
