/* The part of librdkafka's C interface that producer.pyx uses, found at run time.
 *
 * confluent_kafka brings librdkafka with it, but not its header, and its Python calls cost several
 * microseconds a message. The functions are looked up in its extension module, whose own dependencies the
 * lookup includes: wherever that library lies, it is the one that confluent_kafka itself runs on.
 * Types and values: librdkafka's rdkafka.h, which keeps them stable within version 2
 * (https://docs.confluent.io/platform/current/clients/librdkafka/html/rdkafka_8h.html, 2026-11-25). */
#ifndef INGESTOR_RDKAFKA_H
#define INGESTOR_RDKAFKA_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_conf_s rd_kafka_conf_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_topic_conf_s rd_kafka_topic_conf_t;
typedef struct rd_kafka_queue_s rd_kafka_queue_t;
typedef struct rd_kafka_op_s rd_kafka_event_t;

typedef struct rd_kafka_message_s {
    int err;
    rd_kafka_topic_t *rkt;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *_private;
} rd_kafka_message_t;

enum { RD_KAFKA_PRODUCER = 0, RD_KAFKA_CONF_OK = 0 };
enum { RD_KAFKA_MSG_F_COPY = 0x2 };
enum { RD_KAFKA_PURGE_F_QUEUE = 0x1, RD_KAFKA_PURGE_F_INFLIGHT = 0x2 };
enum { RD_KAFKA_EVENT_DR = 0x1, RD_KAFKA_EVENT_LOG = 0x4, RD_KAFKA_EVENT_ERROR = 0x8, RD_KAFKA_EVENT_STATS = 0x40 };
enum { RD_KAFKA_RESP_ERR__PURGE_QUEUE = -152, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT = -151, RD_KAFKA_RESP_ERR__FATAL = -150 };

#define INGESTOR_RDKAFKA_FUNCTIONS(F) \
    F(rd_kafka_conf_t *, rd_kafka_conf_new, (void)) \
    F(void, rd_kafka_conf_destroy, (rd_kafka_conf_t *)) \
    F(int, rd_kafka_conf_set, (rd_kafka_conf_t *, const char *, const char *, char *, size_t)) \
    F(void, rd_kafka_conf_set_events, (rd_kafka_conf_t *, int)) \
    F(rd_kafka_t *, rd_kafka_new, (int, rd_kafka_conf_t *, char *, size_t)) \
    F(void, rd_kafka_destroy, (rd_kafka_t *)) \
    F(int, rd_kafka_outq_len, (rd_kafka_t *)) \
    F(int, rd_kafka_purge, (rd_kafka_t *, int)) \
    F(int, rd_kafka_fatal_error, (rd_kafka_t *, char *, size_t)) \
    F(int, rd_kafka_set_log_queue, (rd_kafka_t *, rd_kafka_queue_t *)) \
    F(rd_kafka_topic_t *, rd_kafka_topic_new, (rd_kafka_t *, const char *, rd_kafka_topic_conf_t *)) \
    F(void, rd_kafka_topic_destroy, (rd_kafka_topic_t *)) \
    F(int, rd_kafka_produce_batch, (rd_kafka_topic_t *, int32_t, int, rd_kafka_message_t *, int)) \
    F(int, rd_kafka_last_error, (void)) \
    F(const char *, rd_kafka_err2str, (int)) \
    F(const char *, rd_kafka_err2name, (int)) \
    F(rd_kafka_queue_t *, rd_kafka_queue_get_main, (rd_kafka_t *)) \
    F(void, rd_kafka_queue_destroy, (rd_kafka_queue_t *)) \
    F(rd_kafka_event_t *, rd_kafka_queue_poll, (rd_kafka_queue_t *, int)) \
    F(void, rd_kafka_event_destroy, (rd_kafka_event_t *)) \
    F(int, rd_kafka_event_type, (const rd_kafka_event_t *)) \
    F(const rd_kafka_message_t *, rd_kafka_event_message_next, (rd_kafka_event_t *)) \
    F(int, rd_kafka_event_error, (rd_kafka_event_t *)) \
    F(const char *, rd_kafka_event_error_string, (rd_kafka_event_t *)) \
    F(int, rd_kafka_event_error_is_fatal, (rd_kafka_event_t *)) \
    F(int, rd_kafka_event_log, (rd_kafka_event_t *, const char **, const char **, int *)) \
    F(const char *, rd_kafka_event_stats, (rd_kafka_event_t *))

#define INGESTOR_RDKAFKA_POINTER(result, name, arguments) static result (*name) arguments;
INGESTOR_RDKAFKA_FUNCTIONS(INGESTOR_RDKAFKA_POINTER)

/* Find all functions through the extension module at `path`; NULL, or the name of what is not there. */
static const char *rdkafka_find(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return path;
#define INGESTOR_RDKAFKA_FIND(result, name, arguments) \
    *(void **)(&name) = dlsym(library, #name); \
    if (name == NULL) \
        return #name;
    INGESTOR_RDKAFKA_FUNCTIONS(INGESTOR_RDKAFKA_FIND)
    return NULL;
}

#endif
