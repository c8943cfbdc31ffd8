/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line as either end of the control socket may get it; what was taken must
 * survive the way there and back. */
#include <stdlib.h>
#include <string.h>

#include "tunnel/ctl/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ctl_request request, request_back;
	struct ctl_reply reply, reply_back;
	const char *why;
	char *line;

	if (ctl_request_parse((const char *)data, len, &request, &why) == 0) {
		line = ctl_request_line(&request);
		if (ctl_request_parse(line, strlen(line) - 1, &request_back,
				      &why) < 0)
			abort();
		ctl_request_fini(&request_back);
		ctl_request_fini(&request);
		free(line);
	}
	if (ctl_reply_parse((const char *)data, len, &reply, &why) == 0) {
		line = ctl_reply_line(&reply);
		if (ctl_reply_parse(line, strlen(line) - 1, &reply_back, &why) <
		    0)
			abort();
		ctl_reply_fini(&reply_back);
		ctl_reply_fini(&reply);
		free(line);
	}
	return 0;
}
