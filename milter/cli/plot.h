/*
 * Mail over time as a picture: stacked bars in one SVG file that needs
 * nothing else, readable on light and dark ground. Pure.
 */
#ifndef GATEPOST_CLI_PLOT_H
#define GATEPOST_CLI_PLOT_H

#include "common/base/slice.h"

#include <stdio.h>

#define PLOT_KINDS 4

struct plot_bar {
	uint64_t count[PLOT_KINDS];	/* accepted, tagged, deferred, refused */
	const char *label;		/* below it; NULL: none */
	const char *title;		/* shown when it is pointed at */
};

struct plot {
	const char *title;
	const char *subtitle;
	const struct plot_bar *bars;	/* in the order of time */
	size_t count;
};

void plot_write(FILE *out, const struct plot *plot);
/* The smallest of 1, 2, 5, 10, 20, 50 … of which so many reach `most`. */
uint64_t plot_step(uint64_t most, unsigned steps);

#endif
