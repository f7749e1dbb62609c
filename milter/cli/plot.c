/*
 * Colours stand in classes, so that a dark ground can change them; those of
 * the bars are told apart without seeing red and green alike, and stand on
 * each other in the order of the legend.
 */
#include "milter/cli/plot.h"

#define WIDTH 900
#define HEIGHT 360
#define LEFT 64
#define RIGHT 20
#define TOP 78
#define BOTTOM 44
#define STEPS_MAX 6

static const struct {
	const char *name, *class;
} kinds[PLOT_KINDS] = {
	{"accepted", "ok"},
	{"tagged as spam", "tag"},
	{"deferred", "wait"},
	{"refused", "no"},
};

static const char style[] =
	"<style>\n"
	"text { font: 13px system-ui, sans-serif; fill: #333 }\n"
	".title { font-size: 17px; font-weight: 600 }\n"
	".small { font-size: 12px; fill: #666 }\n"
	".ground { fill: #fff }\n"
	".line { stroke: #ddd; stroke-width: 1 }\n"
	".axis { stroke: #888; stroke-width: 1 }\n"
	".ok { fill: #3a8f6a } .tag { fill: #e6a532 }\n"
	".wait { fill: #6c8ebf } .no { fill: #b83b5e }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #ddd } .small { fill: #aaa } .ground { fill: #16181c }\n"
	".line { stroke: #33373d } .axis { stroke: #888 }\n"
	".ok { fill: #4fb088 } .tag { fill: #f0b54a }\n"
	".wait { fill: #86a8dc } .no { fill: #e0648a }\n"
	"}\n"
	"</style>\n";

/* Text between tags, or in an attribute. */
static void put_text(FILE *out, const char *text)
{
	for (; text && *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			if ((unsigned char)*text >= ' ')
				fputc(*text, out);
		}
}

uint64_t plot_step(uint64_t most, unsigned steps)
{
	static const unsigned factors[] = {1, 2, 5};

	for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10)
		for (int i = 0; i < 3; i++)
			if (power * factors[i] >= (most + steps - 1) / steps)
				return power * factors[i];
	return UINT64_MAX / 10;
}

static uint64_t total_of(const struct plot_bar *bar)
{
	uint64_t total = 0;

	for (int k = 0; k < PLOT_KINDS; k++)
		total += bar->count[k];
	return total;
}

static void put_legend(FILE *out, const struct plot *plot)
{
	int x = LEFT;

	for (int k = 0; k < PLOT_KINDS; k++) {
		uint64_t sum = 0;
		char label[64];
		int n;

		for (size_t i = 0; i < plot->count; i++)
			sum += plot->bars[i].count[k];
		n = snprintf(label, sizeof(label), "%s %llu", kinds[k].name,
			     (unsigned long long)sum);
		fprintf(out,
			"<rect class=\"%s\" x=\"%d\" y=\"50\" width=\"12\" "
			"height=\"12\"/>"
			"<text x=\"%d\" y=\"61\">%s</text>\n",
			kinds[k].class, x, x + 18, label);
		/* A letter takes 7 units or less. */
		x += 18 + 7 * n + 22;
	}
}

static void put_grid(FILE *out, uint64_t step, unsigned steps, double unit)
{
	for (unsigned i = 0; i <= steps; i++) {
		double y = HEIGHT - BOTTOM - (double)(step * i) * unit;

		fprintf(out,
			"<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
			"y2=\"%.1f\"/>"
			"<text class=\"small\" x=\"%d\" y=\"%.1f\" "
			"text-anchor=\"end\">%llu</text>\n",
			i ? "line" : "axis", LEFT, WIDTH - RIGHT, y, y,
			LEFT - 8, y + 4, (unsigned long long)step * i);
	}
}

static void put_bar(FILE *out, const struct plot_bar *bar, double x,
		    double width, double unit)
{
	double y = HEIGHT - BOTTOM;

	fputs("<g><title>", out);
	put_text(out, bar->title);
	for (int k = 0; k < PLOT_KINDS; k++)
		fprintf(out, "&#10;%s %llu", kinds[k].name,
			(unsigned long long)bar->count[k]);
	fputs("</title>", out);
	for (int k = 0; k < PLOT_KINDS; k++) {
		double height = (double)bar->count[k] * unit;

		if (bar->count[k] == 0)
			continue;
		y -= height;
		fprintf(out,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.2f\" "
			"width=\"%.1f\" height=\"%.2f\"/>",
			kinds[k].class, x, y, width, height);
	}
	fputs("</g>\n", out);
}

static void put_bars(FILE *out, const struct plot *plot, double unit)
{
	double slot = (double)(WIDTH - LEFT - RIGHT) /
		      (double)(plot->count ? plot->count : 1);
	double width = slot > 6 ? slot * 0.8 : slot;

	for (size_t i = 0; i < plot->count; i++) {
		double x = LEFT + slot * (double)i;

		put_bar(out, &plot->bars[i], x + (slot - width) / 2, width,
			unit);
		if (!plot->bars[i].label)
			continue;
		fprintf(out,
			"<text class=\"small\" x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"middle\">",
			x + slot / 2, HEIGHT - BOTTOM + 18);
		put_text(out, plot->bars[i].label);
		fputs("</text>\n", out);
	}
}

static void put_heading(FILE *out, const struct plot *plot)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		"role=\"img\">\n<title>",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	put_text(out, plot->title);
	fputs("</title>\n", out);
	fputs(style, out);
	fprintf(out,
		"<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n"
		"<text class=\"title\" x=\"%d\" y=\"28\">",
		WIDTH, HEIGHT, LEFT);
	put_text(out, plot->title);
	fprintf(out,
		"</text>\n<text class=\"small\" x=\"%d\" y=\"28\" "
		"text-anchor=\"end\">",
		WIDTH - RIGHT);
	put_text(out, plot->subtitle);
	fputs("</text>\n", out);
}

void plot_write(FILE *out, const struct plot *plot)
{
	uint64_t most = 1, step;
	unsigned steps;
	double unit;

	for (size_t i = 0; i < plot->count; i++)
		if (total_of(&plot->bars[i]) > most)
			most = total_of(&plot->bars[i]);
	step = plot_step(most, STEPS_MAX);
	steps = (unsigned)((most + step - 1) / step);
	unit = (double)(HEIGHT - TOP - BOTTOM) / (double)(step * steps);
	put_heading(out, plot);
	put_legend(out, plot);
	put_grid(out, step, steps, unit);
	put_bars(out, plot, unit);
	fputs("</svg>\n", out);
}
