/* The upload of one blob as a state machine: answers in, the next request out (distribution-spec "pushing blobs"). No
 * input and output of its own.
 *
 *   HEAD ──there──▶ DONE          PUT answered by a success ─▶ DONE
 *    │ missing                     │ lost session (404, 416), fault
 *    ▼                             ▼
 *   OPEN ──mounted─▶ DONE         HEAD again: the registry may have taken it all the same
 *    └──session──▶ PUT
 */
#ifndef SLCT_UPLOAD_H
#define SLCT_UPLOAD_H

#include "registry/retry.h"
#include "registry/url.h"
#include "src/util/base.h"
#include "src/util/err.h"

enum upload_ask {
	UPLOAD_HEAD, /* HEAD blobs/<digest> */
	UPLOAD_OPEN, /* POST blobs/uploads/, with mount and from if mount_from is set */
	UPLOAD_PUT,  /* PUT of all bytes to `location` */
	UPLOAD_DONE,
};

enum upload_how { UPLOAD_THERE, UPLOAD_MOUNTED, UPLOAD_SENT };

struct upload {
	const char *digest;     /* text; borrowed */
	uint64_t size;
	const char *mount_from; /* path of another repository of the same registry, or NULL; borrowed */
	enum upload_ask ask;
	enum upload_how how; /* once DONE */
	char *location;      /* path and query for PUT, digest included; owned */
	struct retry retry;  /* of whole sessions */
	int64_t pause;       /* before the next request */
};

/* An answer to `ask`. */
struct upload_answer {
	const struct url *from; /* URL that was asked */
	int status;             /* 0: none came whole */
	struct sv location, length; /* fields; SV_NULL: absent */
	int64_t retry_after;
	int64_t now; /* clock_mono() */
};

/* 0: `ask` and `pause` say what follows; -1: the answer is final as it is, *e is set only where the machine knows
 * better than the answer's own error. */
int upload_next(struct upload *u, const struct upload_answer *a, struct err *e);
void upload_release(struct upload *u);

#endif
