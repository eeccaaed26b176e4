/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/preview-text.h"

#include <string.h>

#include "relay/header.h"

/* A space that does not break, as French has before some signs. */
#define NARROW "\u202f"

typedef struct {
        const char *tag;
        const char *time; /* {day}, {month}, {year} and {time}, which is HH:MM */
        const char *first_day;
        const char *months[12];
} Language;

static const Language languages[] = {
        [TG_LANGUAGE_ENGLISH] = {"en",
                                 "{day} {month} {year}, {time} UTC",         "1",
                                 {"January",
                                  "February",
                                  "March",
                                  "April",
                                  "May",
                                  "June",
                                  "July",
                                  "August",
                                  "September",
                                  "October",
                                  "November",
                                  "December"} },
        [TG_LANGUAGE_GERMAN] = {"de",
                                 "{day}. {month} {year}, {time} Uhr (UTC)",  "1",
                                 {"Januar",
                                 "Februar",
                                 "März",
                                 "April",
                                 "Mai",
                                 "Juni",
                                 "Juli",
                                 "August",
                                 "September",
                                 "Oktober",
                                 "November",
                                 "Dezember"}  },
        [TG_LANGUAGE_SPANISH] = {"es",
                                 "{day} de {month} de {year}, {time} (UTC)", "1",
                                 {"enero",
                                  "febrero",
                                  "marzo",
                                  "abril",
                                  "mayo",
                                  "junio",
                                  "julio",
                                  "agosto",
                                  "septiembre",
                                  "octubre",
                                  "noviembre",
                                  "diciembre"}},
        [TG_LANGUAGE_FRENCH] = {"fr",
                                 "{day} {month} {year} à {time} (UTC)",     "1er",
                                 {"janvier",
                                 "février",
                                 "mars",
                                 "avril",
                                 "mai",
                                 "juin",
                                 "juillet",
                                 "août",
                                 "septembre",
                                 "octobre",
                                 "novembre",
                                 "décembre"} },
};
G_STATIC_ASSERT(G_N_ELEMENTS(languages) == TG_N_LANGUAGES);

typedef struct {
        const char *name;
        const char *in[TG_N_LANGUAGES]; /* in the order of TgLanguage */
} Text;

/* The relay knows neither the mode nor whether there is a PIN: both are in the part of
 * the address that never comes here. So the page says "if". */
static const Text texts[] = {
        {"default-title",
         {"Shared credential", "Geteilte Zugangsdaten", "Credencial compartida", "Accès partagé"}},
        {"invitation",     {"Invitation", "Einladung", "Invitación", "Invitation"}                },
        {"unchecked",
         {"The sender’s own words; nobody has checked them.",
          "Worte des Absenders; niemand hat sie geprüft.",
          "Palabras del remitente; nadie las ha comprobado.",
          "Texte de l’expéditeur" NARROW "; personne ne l’a vérifié."}                      },
        {"intro",
         {"Somebody is sharing a digital credential with you. It is encrypted, and this server "
          "cannot read it.",
          "Jemand teilt digitale Zugangsdaten mit Ihnen. Sie sind verschlüsselt, und dieser "
          "Server kann sie nicht lesen.",
          "Alguien comparte con usted una credencial digital. Está cifrada y este servidor no "
          "puede leerla.",
          "Quelqu’un partage avec vous un accès numérique. Il est chiffré et ce serveur ne peut "
          "pas le lire."}                                                                          },
        {"button",
         {"Open in the wallet",
          "In der Wallet öffnen",
          "Abrir en la cartera",
          "Ouvrir dans le portefeuille"}                                                           },
        {"no-script",
         {"This browser runs no scripts, so there is no button here. It works by hand as well: see "
          "below.",
          "Dieser Browser führt keine Skripte aus, deshalb ist hier keine Schaltfläche. Es geht "
          "auch von Hand: siehe unten.",
          "Este navegador no ejecuta scripts, por eso aquí no hay ningún botón. También funciona a "
          "mano: vea más abajo.",
          "Ce navigateur n’exécute pas de scripts, il n’y a donc pas de bouton ici. Cela marche "
          "aussi à la main" NARROW ": voir plus bas."}                                            },
        {"asks",
         {"The wallet shows you the invitation and asks before it accepts.",
          "Die Wallet zeigt Ihnen die Einladung und fragt, bevor sie annimmt.",
          "La cartera le muestra la invitación y le pregunta antes de aceptar.",
          "Le portefeuille vous montre l’invitation et vous demande avant d’accepter."}        },
        {"ends",           {"Ends", "Endet", "Termina", "Se termine"}                              },
        {"ends-text",
         {"{until} at the latest. The sender may withdraw it before that.",
          "Spätestens am {until}. Der Absender kann die Einladung vorher zurückziehen.",
          "A más tardar el {until}. El remitente puede retirar la invitación antes.",
          "Au plus tard le {until}. L’expéditeur peut retirer l’invitation avant."}           },
        {"once",           {"Only once", "Nur einmal", "Una sola vez", "Une seule fois"}           },
        {"once-text",
         {"Without a PIN, the first device to accept receives it. Do not pass this address on.",
          "Ohne PIN bekommt das erste Gerät, das annimmt, die Zugangsdaten. Geben Sie diese "
          "Adresse nicht weiter.",
          "Sin PIN, recibe la credencial el primer dispositivo que la acepte. No comparta esta "
          "dirección.",
          "Sans code PIN, le premier appareil qui accepte reçoit l’accès. Ne transmettez pas cette "
          "adresse."}                                                                              },
        {"pin",            {"PIN", "PIN", "PIN", "Code PIN"}                                       },
        {"pin-text",
         {"If the sender tells you one, type it only when the wallet asks for it, never into a web "
          "page.",
          "Wenn der Absender Ihnen eine nennt, geben Sie sie nur ein, wenn die Wallet danach "
          "fragt, niemals auf einer Webseite.",
          "Si el remitente le da uno, escríbalo solo cuando la cartera se lo pida, nunca en una "
          "página web.",
          "Si l’expéditeur vous en donne un, saisissez-le seulement quand le portefeuille le "
          "demande, jamais sur une page web."}                                                     },
        {"by-hand",        {"By hand", "Von Hand", "A mano", "À la main"}                         },
        {"by-hand-script",
         {"If the button opens nothing:",
          "Wenn sich mit der Schaltfläche nichts öffnet:",
          "Si el botón no abre nada:",
          "Si le bouton n’ouvre rien" NARROW ":"}                                                },
        {"by-hand-wallet",
         {"You need a wallet on this device that opens {scheme} addresses, such as Tigress.",
          "Sie brauchen auf diesem Gerät eine Wallet, die Adressen mit {scheme} öffnet, etwa "
          "Tigress.",
          "Necesita en este dispositivo una cartera que abra direcciones {scheme}, como Tigress.",
          "Il vous faut sur cet appareil un portefeuille qui ouvre les adresses {scheme}, comme "
          "Tigress."}                                                                              },
        {"by-hand-copy",
         {"Copy the whole address of this page, with everything after {mark}.",
          "Kopieren Sie die ganze Adresse dieser Seite mit allem, was nach {mark} steht.",
          "Copie la dirección completa de esta página, con todo lo que sigue a {mark}.",
          "Copiez l’adresse entière de cette page, avec tout ce qui suit {mark}."}              },
        {"by-hand-accept",
         {"Run {command} in a terminal and paste it there; or put {scheme} before it and open "
          "that.",
          "Rufen Sie in einem Terminal {command} auf und fügen Sie sie dort ein; oder setzen Sie "
          "{scheme} davor und öffnen Sie das.",
          "Ejecute {command} en una terminal y péguela allí; o anteponga {scheme} y abra el "
          "resultado.",
          "Lancez {command} dans un terminal et collez-la, ou mettez {scheme} devant et ouvrez "
          "le tout."}                                                                              },
};

TgLanguage
tg_preview_choose(const char *accept_language)
{
        const char *tags[TG_N_LANGUAGES + 1] = {NULL};

        for (guint i = 0; i < TG_N_LANGUAGES; i++)
                tags[i] = languages[i].tag;

        return accept_language ? tg_header_choose_language(accept_language, tags)
                               : TG_LANGUAGE_ENGLISH;
}

const char *
tg_preview_language_tag(TgLanguage language)
{
        return languages[language].tag;
}

const char *
tg_preview_text(const char *name, TgLanguage language)
{
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
                if (strcmp(texts[i].name, name) == 0)
                        return texts[i].in[language];

        return NULL;
}

const char *
tg_preview_text_name(guint index)
{
        return index < G_N_ELEMENTS(texts) ? texts[index].name : NULL;
}

char *
tg_preview_format_time(gint64 unix_s, TgLanguage language)
{
        const Language *info = &languages[language];
        g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(unix_s);
        int day = g_date_time_get_day_of_month(date);
        g_autofree char *day_text =
                day == 1 ? g_strdup(info->first_day) : g_strdup_printf("%d", day);
        g_autofree char *year = g_strdup_printf("%d", g_date_time_get_year(date));
        g_autofree char *time = g_date_time_format(date, "%H:%M");
        GString *text = g_string_new(info->time);

        /* Not by the process's locale, which is the operator's. */
        g_string_replace(text, "{day}", day_text, 1);
        g_string_replace(text, "{month}", info->months[g_date_time_get_month(date) - 1], 1);
        g_string_replace(text, "{year}", year, 1);
        g_string_replace(text, "{time}", time, 1);

        return g_string_free(text, FALSE);
}
