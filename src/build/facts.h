/* What a build knows of itself when it ends: for reports about it. */
#ifndef SLCT_FACTS_H
#define SLCT_FACTS_H

#include "src/build/state.h"

/* plan_dump() of what the goals need, and in it
 *   "jobs": places for steps; "form": form of the trees;
 *   stages: "result": "built", "local", "remote", "failed", "stopped" (something that it needs failed, or the build was
 *           cancelled) or "unneeded" (a cached result made it so); "layers": what its file system is made of so far,
 * base first, each {"id", "size" (bytes of its tar, 0: not known), and "stage" and "n", the step that made it, or
 *           "image", the base image that it is of};
 *   steps: "layer": false for those that only change the config; "reads": stages that it takes files from.
 * Of a build that ended before its plan was complete there are fewer members, or none. New reference. */
struct json *facts_of(const struct build *b);

#endif
