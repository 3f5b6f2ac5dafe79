/*
 * A registry without a service, written by the game: a folder that all servers share, with one file for each of them.
 *
 * A file appears whole (it is written beside its place and renamed), is touched three times per lease, and is removed when its server
 * deregisters. One that has not been touched for a lease belongs to a server that crashed. The clocks of the machines that share the folder
 * must agree to a fraction of the lease.
 *
 * Hand every event to file_registry_event, and call file_registry_tick now and then, best once per frame; both on the thread that polls.
 */
#ifndef FILE_REGISTRY_H
#define FILE_REGISTRY_H

#include <dirent.h>
#include <errno.h>
#include <sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of one file: a registration has at most 4 KiB of properties, which are written as hexadecimal digits. */
#define FILE_REGISTRY_LONGEST 16384

typedef struct {
    sinew_server *server;
    const char *folder;
    uint32_t lease_ms;
    uint64_t id;                        /* this server's, 0 while it is not registered */
    char text[FILE_REGISTRY_LONGEST];   /* what stands in its file */
    size_t text_len;
    double touched, looked;             /* when, in seconds */
} file_registry;

static inline double file_registry_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline int file_registry_path(const file_registry *here, uint64_t id, const char *kind, char path[512])
{
    int length = snprintf(path, 512, "%s/%llu.%s", here->folder, (unsigned long long)id, kind);
    return length > 0 && length < 512;
}

/* Seconds since this file was touched; negative if there is none. */
static inline double file_registry_age(const char *path)
{
    struct stat facts;
    double age;
    if (stat(path, &facts) != 0) {
        return -1;
    }
    age = file_registry_now(CLOCK_REALTIME) - ((double)facts.st_mtim.tv_sec + (double)facts.st_mtim.tv_nsec / 1e9);
    return age < 0 ? 0 : age;
}

/* Appends " " and the bytes as hexadecimal digits ("-" for none), so that no character is special. */
static inline int file_registry_append(file_registry *here, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;
    if (here->text_len + 2 * len + 3 > sizeof here->text) {
        return 0;
    }
    here->text[here->text_len++] = ' ';
    for (i = 0; i < len; i++) {
        here->text[here->text_len++] = digits[(unsigned char)bytes[i] >> 4];
        here->text[here->text_len++] = digits[(unsigned char)bytes[i] & 15];
    }
    if (len == 0) {
        here->text[here->text_len++] = '-';
    }
    here->text[here->text_len] = '\0';
    return 1;
}

/* "sinew PORT GROUP NAME HOST KEY VALUE KEY VALUE ... end" */
static inline int file_registry_write_text(file_registry *here, const sinew_registration *me)
{
    size_t i;
    int fits;
    here->text_len = (size_t)snprintf(here->text, sizeof here->text, "sinew %u", (unsigned)me->port);
    fits = file_registry_append(here, me->group, me->group_len) && file_registry_append(here, me->name, me->name_len) &&
           file_registry_append(here, me->host, me->host_len);
    for (i = 0; fits && i < me->property_count; i++) {
        fits = file_registry_append(here, me->properties[i].key, me->properties[i].key_len) &&
               file_registry_append(here, me->properties[i].value, me->properties[i].value_len);
    }
    if (!fits || here->text_len + 5 > sizeof here->text) {
        return 0;
    }
    memcpy(here->text + here->text_len, " end", 5);
    here->text_len += 4;
    return 1;
}

/* Puts this server's file in its place, whole. Answers 0 and leaves errno if that fails. */
static inline int file_registry_put(file_registry *here, uint64_t id)
{
    char draft[512], path[512];
    FILE *file;
    int written;
    if (!file_registry_path(here, id, "draft", draft) || !file_registry_path(here, id, "txt", path)) {
        errno = ENAMETOOLONG;
        return 0;
    }
    file = fopen(draft, "wb");
    if (file == NULL) {
        return 0;
    }
    written = fwrite(here->text, 1, here->text_len, file) == here->text_len;
    written = fclose(file) == 0 && written;
    return written && rename(draft, path) == 0;
}

/* Takes one word of digits off the text, in place: two digits become one byte. NULL if there is none. */
static inline char *file_registry_word(char **rest, size_t *len)
{
    char *word = *rest, *from = word, *to = word;
    *len = 0;
    if (from[0] == '-' && from[1] == ' ') {
        *rest = from + 2;
        return word;
    }
    while (*from != ' ') {
        char pair[3];
        if (strchr("0123456789abcdef", from[0]) == NULL || from[0] == '\0' ||
            strchr("0123456789abcdef", from[1]) == NULL || from[1] == '\0') {
            return NULL;
        }
        pair[0] = from[0];
        pair[1] = from[1];
        pair[2] = '\0';
        *to++ = (char)strtoul(pair, NULL, 16);
        from += 2;
        ++*len;
    }
    *rest = from + 1;
    return word;
}

/* Reads one file and reports its server; what is no entry is passed over. */
static inline void file_registry_report(const file_registry *here, const char *path, uint64_t id)
{
    enum { MOST_PROPERTIES = 256 };
    static const char begins[] = "sinew ";
    sinew_property properties[MOST_PROPERTIES];
    sinew_registration entry;
    char text[FILE_REGISTRY_LONGEST], *rest = text;
    size_t length;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return; /* it has said goodbye just now */
    }
    length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    if (strncmp(text, begins, sizeof begins - 1) != 0) {
        return;
    }
    memset(&entry, 0, sizeof entry);
    entry.size = sizeof entry;
    entry.id = id;
    entry.port = (uint32_t)strtoul(text + sizeof begins - 1, &rest, 10);
    if (*rest++ != ' ' || (entry.group = file_registry_word(&rest, &entry.group_len)) == NULL ||
        (entry.name = file_registry_word(&rest, &entry.name_len)) == NULL ||
        (entry.host = file_registry_word(&rest, &entry.host_len)) == NULL) {
        return;
    }
    while (strcmp(rest, "end") != 0) {
        sinew_property *property = &properties[entry.property_count];
        if (entry.property_count++ == MOST_PROPERTIES || (property->key = file_registry_word(&rest, &property->key_len)) == NULL ||
            (property->value = file_registry_word(&rest, &property->value_len)) == NULL) {
            return;
        }
    }
    entry.properties = properties;
    /* What Sinew refuses (a file that somebody wrote by hand) is as good as no file. */
    sinew_registry_server_joined(here->server, &entry);
}

static inline void file_registry_lost(const file_registry *here, const char *what)
{
    char why[768];
    int length = snprintf(why, sizeof why, "%s in the registry's folder %s: %s", what, here->folder, strerror(errno));
    sinew_registry_lost(here->server, why, length < 0 ? 0 : strlen(why));
}

/* Reports everybody whose lease runs. Whoever is missing has left; this server itself, and older ones of a name, are Sinew's to sort out. */
static inline void file_registry_look(file_registry *here)
{
    DIR *folder = opendir(here->folder);
    struct dirent *file;
    if (folder == NULL) {
        file_registry_lost(here, "cannot look");
        return;
    }
    sinew_registry_restored(here->server);
    if (sinew_registry_snapshot_begin(here->server) != SINEW_RESULT_OK) {
        closedir(folder);
        return; /* it is stopping */
    }
    while ((file = readdir(folder)) != NULL) {
        char *kind, path[512];
        unsigned long long id = strtoull(file->d_name, &kind, 10);
        double age;
        if (strcmp(kind, ".txt") == 0 && file_registry_path(here, id, "txt", path) && (age = file_registry_age(path)) >= 0 &&
            age * 1000 < here->lease_ms) {
            file_registry_report(here, path, id);
        }
    }
    closedir(folder);
    sinew_registry_snapshot_end(here->server);
}

static inline void file_registry_tick(file_registry *here)
{
    double now = file_registry_now(CLOCK_MONOTONIC);
    char path[512];
    if (here->id == 0) {
        return;
    }
    if ((now - here->touched) * 3000 >= here->lease_ms && file_registry_path(here, here->id, "txt", path)) {
        /* Written again rather than only touched: if somebody has emptied the folder, it is there again. */
        if (!file_registry_put(here, here->id)) {
            file_registry_lost(here, "cannot write");
        }
        here->touched = now;
    }
    if ((now - here->looked) * 6000 >= here->lease_ms) {
        file_registry_look(here);
        here->looked = now;
    }
}

static inline void file_registry_event(file_registry *here, const sinew_event *event)
{
    char path[512];
    switch (event->type) {
    case SINEW_EVENT_REGISTRY_REGISTER: {
        const sinew_registration *me = (const sinew_registration *)(const void *)event->data;
        if (!file_registry_write_text(here, me) || !file_registry_put(here, me->id)) {
            char why[768];
            snprintf(why, sizeof why, "cannot write to the registry's folder %s: %s; is it there, and writable?", here->folder,
                     strerror(errno));
            sinew_registry_register_failed(here->server, why, strlen(why));
        } else if (sinew_registry_registered(here->server, me->id) == SINEW_RESULT_OK) {
            here->id = me->id;
            here->touched = file_registry_now(CLOCK_MONOTONIC);
        } else if (file_registry_path(here, me->id, "txt", path)) {
            remove(path); /* it has been stopped meanwhile */
        }
        break;
    }
    case SINEW_EVENT_REGISTRY_DEREGISTER:
        here->id = 0;
        if (file_registry_path(here, event->server, "txt", path)) {
            remove(path);
        }
        break;
    case SINEW_EVENT_REGISTRY_CONNECTION_FAILURE:
        /* Is it really there? A file whose lease has ended goes, and its server has left. */
        if (file_registry_path(here, event->server, "txt", path) && file_registry_age(path) * 1000 >= here->lease_ms) {
            remove(path);
        }
        file_registry_look(here);
        break;
    default:
        break;
    }
}

#endif
