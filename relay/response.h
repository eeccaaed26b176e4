/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An answer as libmicrohttpd wants it, with the headers that every answer has.
 * Date and Content-Length are the library's.
 */

#include <microhttpd.h>
#include <sys/socket.h> /* which microhttpd.h takes for granted */

#include "relay/answer.h"

/* Takes the body out of @answer. MHD_NO when the connection is to be closed. */
enum MHD_Result
tg_response_queue(struct MHD_Connection *connection, TgAnswer *answer, gboolean is_last);
