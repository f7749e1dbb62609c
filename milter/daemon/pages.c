/* From the counters to a reply. */
#include "milter/daemon/pages.h"
#include "milter/daemon/metrics.h"
#include "milter/daemon/status.h"

void page_metrics(void *with, const struct http_request *request,
		  struct http_reply *reply)
{
	const struct pages *pages = with;
	enum metrics_format format = metrics_choose(request->accept);
	struct buf text = BUF(reply->arena);

	metrics_write(&text, pages->counters, format);
	reply->type = metrics_type(format);
	reply->body = buf_slice(&text);
}

void page_status(void *with, const struct http_request *request,
		 struct http_reply *reply)
{
	const struct pages *pages = with;

	(void)request;
	reply->type = "application/json";
	reply->body = status_json(reply->arena, pages->counters);
}
