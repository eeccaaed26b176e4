/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Secret Service for what the real one cannot be made to do without a person:
 * prompts that are answered, dismissed or left alone, items of given ages, a bus
 * name without anybody who answers. It lives on the loop of the test.
 */

#include "tests/bus/fixture.h"

typedef enum {
        FAKE_PROMPT_UNLOCKS,
        FAKE_PROMPT_IS_DISMISSED,
        FAKE_PROMPT_STAYS_OPEN,
} FakePrompt;

typedef struct {
        const char *secret;
        guint64 created;
} FakeItem;

typedef struct {
        TestPeer *peer;
        gboolean is_locked;
        gboolean has_collection;
        gboolean is_mute;      /* answers nothing */
        gboolean wants_prompt; /* for everything that could have one */
        FakePrompt prompt;
        const FakeItem *items; /* what any search finds */
        guint n_items;

        guint n_prompts;
        guint n_dismissed;
        guint n_created;     /* items that were asked to be made */
        guint n_collections; /* collections that were asked to be made */
} FakeKeyring;

FakeKeyring *fake_keyring_new(TestBus *bus);
void fake_keyring_free(FakeKeyring *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeKeyring, fake_keyring_free)

/* The person does something at last. */
void fake_keyring_complete_prompt(FakeKeyring *self, gboolean is_dismissed);
