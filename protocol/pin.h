/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The spoken PIN: random digits and one check digit by Damm's method, which catches each single
 * wrong digit and each swap of neighbours before a try is spent.
 */

#include <glib.h>

#include "protocol/secret.h"

#define TG_PIN_MIN_DIGITS 7 /* with the check digit */
#define TG_PIN_MAX_DIGITS 13
#define TG_PIN_DEFAULT_DIGITS 7

/* @n_digits in all, uniformly random but for the check digit. */
TgSecret *tg_pin_new(guint n_digits, GError **error);

/* What a person typed: ASCII spaces and hyphens go, the rest must be digits with a right check
 * digit,
 * @n_digits of them (0: any number that a PIN can have). TG_ERROR_INVALID with a sentence
 * otherwise. */
TgSecret *tg_pin_parse(const TgSecret *typed, guint n_digits, GError **error);

/* For people: groups of three with hyphens. */
TgSecret *tg_pin_format(const TgSecret *pin, GError **error);
