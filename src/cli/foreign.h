/* Options of docker, podman and buildah that slct does not have, and what is there instead. */
#ifndef SLCT_FOREIGN_H
#define SLCT_FOREIGN_H

/* A hint for an unknown option's name without its dashes; NULL: it is not one of these. */
const char *foreign_option(const char *name);

#endif
