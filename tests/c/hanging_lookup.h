/* Look-ups of host names that hang until they are let go, and what the threads of such a program wait for. */
#ifndef SINEW_TESTS_HANGING_LOOKUP_H
#define SINEW_TESTS_HANGING_LOOKUP_H

#include <netdb.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int lookups, let_go;

static void wait_until(const int *counter, int reached)
{
    pthread_mutex_lock(&lock);
    while (*counter < reached) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void now_holds(int *condition)
{
    pthread_mutex_lock(&lock);
    *condition = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* In place of the system's. Sinew looks up names only, never addresses. */
int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    (void)node, (void)service, (void)hints, (void)found;
    pthread_mutex_lock(&lock);
    lookups++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    wait_until(&let_go, 1);
    return EAI_NONAME;
}

#endif
