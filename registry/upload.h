/* The upload of one blob as a state machine: answers in, the next request out (distribution-spec "pushing blobs"). No
 * input and output of its own.
 *
 *   HEAD ──there──▶ DONE        PUT, CLOSE answered by a success ─▶ DONE
 *    │ missing                   │ lost session (404, 416), fault
 *    ▼                           ▼
 *   OPEN ──mounted─▶ DONE       HEAD again: the registry may have taken it all the same
 *    ├──small blob, or chunks refused──▶ PUT of all
 *    └──▶ PATCH ─▶ PATCH ─▶ … ─▶ CLOSE
 *           │ cut      ▲
 *           └▶ STATUS ─┘ goes on where the registry says that it is
 *
 * A blob that is still being made (`growing`) is sent in chunks while it grows; WAIT is the answer where there is too
 * little of it. Where the registry takes no chunks, WAIT lasts until all is there. */
#ifndef SLCT_UPLOAD_H
#define SLCT_UPLOAD_H

#include "registry/retry.h"
#include "registry/url.h"
#include "src/util/base.h"
#include "src/util/err.h"

/* A chunk is at most this long, unless the registry wants longer ones. Memory does not depend on it. */
#define UPLOAD_CHUNK_BYTES (UINT64_C(32) << 20)
/* And at least this long while the blob grows; registries want 5 MiB for all but the last. */
#define UPLOAD_STREAM_BYTES (UINT64_C(8) << 20)
/* A registry that wants longer chunks gets one PUT. */
#define UPLOAD_CHUNK_MAX_BYTES (UINT64_C(1) << 30)

enum upload_ask {
	UPLOAD_HEAD,   /* HEAD blobs/<digest> */
	UPLOAD_OPEN,   /* POST blobs/uploads/, with mount and from if mount_from is set */
	UPLOAD_PUT,    /* PUT of all bytes to upload_target() */
	UPLOAD_PATCH,  /* PATCH of `len` bytes from `off` to upload_target() */
	UPLOAD_STATUS, /* GET of upload_target() */
	UPLOAD_CLOSE,  /* PUT of nothing to upload_target() */
	UPLOAD_WAIT,   /* no request: call upload_more() when there is more */
	UPLOAD_DONE,
};

enum upload_how { UPLOAD_THERE, UPLOAD_MOUNTED, UPLOAD_SENT };

struct upload {
	const char *digest; /* text, NULL while it grows; borrowed */
	uint64_t size;	    /* so far, while it grows */
	bool growing;
	bool missing;		/* the registry is known not to have it: HEAD is left out, once */
	const char *mount_from; /* path of another repository of the same registry, or NULL; borrowed */
	uint64_t chunk;		/* UPLOAD_CHUNK_BYTES; 0: one PUT whatever the size */
	enum upload_ask ask;	/* set by upload_begin() */
	enum upload_how how;	/* once DONE */
	uint64_t off, len;	/* of a PATCH */
	struct retry retry;	/* without progress */
	int64_t pause;		/* before the next request */
	/* private */
	char *location;
	uint64_t best;	 /* what the registry has ever had: the same bytes once more are no progress */
	bool whole;	 /* chunks do not work here */
	unsigned behind; /* how often the registry had less than it had taken */
	unsigned lost;	 /* sessions that it forgot */
};

/* An answer to `ask`. */
struct upload_answer {
	const struct url *from;			      /* URL that was asked */
	int status;				      /* 0: none came whole */
	struct sv location, length, range, chunk_min; /* fields; SV_NULL: absent */
	int64_t retry_after;
	int64_t now; /* clock_mono() */
};

/* The first request. */
void upload_begin(struct upload *u);
/* In WAIT, after size, growing or digest have changed: `ask` says what follows, maybe WAIT again. */
void upload_more(struct upload *u);
/* What was sent is worth nothing: all of it once more, in a session of its own. */
void upload_anew(struct upload *u);
/* Path and query for the request; caller frees. */
char *upload_target(const struct upload *u);
/* 0: `ask` and `pause` say what follows; -1: the answer is final as it is, *e is set only where the machine knows
 * better than the answer's own error. */
int upload_next(struct upload *u, const struct upload_answer *a, struct err *e);
void upload_release(struct upload *u);

#endif
