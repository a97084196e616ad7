package policy

// italianPhrases is read-only; a row for each Phrase of the program, with the same verbs.
var italianPhrases = map[string]string{
	// Identify.
	"Customer %q":        "Cliente %q",
	", by the domain %q": ", per il dominio %q",
	"; the source is his entry %q, which sends calls to us": "; l'origine è la sua autenticazione IP %q, che ci manda chiamate",
	"; it comes from his destination %q, so it goes out":    "; arriva dalla sua destinazione %q, quindi è in uscita",
	"; it comes from one of his registered phones":          "; arriva da uno dei suoi telefoni registrati",
	"; it comes from outside":                               "; arriva da fuori",
	"; it calls an emergency number":                        "; chiama un numero di emergenza",
	"A request from there is none of your customers'.":      "Una richiesta da lì non è di nessuno dei vostri clienti.",

	// Firewall.
	"It comes from the customer's own PBX, which the firewall leaves alone.": "Arriva dal PBX del cliente stesso, che il firewall lascia in pace.",
	"Firewall rule %q (%s, %s %q) drops it.":                                 "La regola firewall %q (%s, %s %q) la scarta.",
	"An emergency call passes the firewall.":                                 "Una chiamata di emergenza passa il firewall.",
	"The customer is transparent: the firewall only counts.":                 "Il cliente è in modalità trasparente: il firewall conta soltanto.",
	"None of %d firewall rules drops it.":                                    "Nessuna delle %d regole firewall la scarta.",

	// Authenticate.
	"A password would be asked for. ": "Si chiederebbe una password. ",
	"With it: ":                       "Con essa: ",
	"What follows is for who gives that of SIP user %q.":                "Quel che segue vale per chi dà quella dell'utente SIP %q.",
	"From names no SIP user of the customer: no password is right.":     "From non indica alcun utente SIP del cliente: nessuna password è giusta.",
	"The source is an entry of the customer: no password is asked for.": "L'origine è un'autenticazione IP del cliente: non si chiede alcuna password.",

	// Antifraud.
	"An emergency call passes antifraud.": "Una chiamata di emergenza passa l'antifrode.",
	"The source is on the customer's whitelist, or one of his destinations: antifraud leaves it alone.": "L'origine è nella whitelist del cliente, o è una delle sue destinazioni: l'antifrode la lascia in pace.",
	"calls with this key are up or ringing":                    "chiamate con questa chiave sono in corso o squillano",
	"%s with this key came within 10 s":                        "%s con questa chiave sono arrivate in 10 s",
	"%d of %d %s (from %q, to %q).":                            "%d di %d %s (da %q, a %q).",
	" The threshold was reached: the key is shut for %s more.": " La soglia è stata raggiunta: la chiave è chiusa per altri %s.",
	" The next that rings reaches the threshold.":              " La prossima che squilla raggiunge la soglia.",
	" It is only counted.":                                     " Si conta soltanto.",

	// Rewrite.
	"From switch %q: ":   "Dallo switch %q: ",
	"From SIP user %q: ": "Dall'utente SIP %q: ",
	"To switch %q: ":     "Allo switch %q: ",
	"None of %d steps of rewriting changes a number.": "Nessuno dei %d passi di riscrittura cambia un numero.",
	"rule %d":                           "regola %d",
	"%s %q stays, %s: %s.":              "%s %q resta, %s: %s.",
	"%s %q becomes %q, %s: %s.":         "%s %q diventa %q, %s: %s.",
	"From is forced to it":              "From è forzato così",
	"the number does not begin with it": "il numero non comincia così",
	"taken off":                         "tolto",
	"it is not a number":                "non è un numero",
	"added":                             "aggiunto",
	"the result would be longer than 64 characters, so it is left as it is":   "il risultato supererebbe i 64 caratteri, quindi resta com'è",
	"; the result would be longer than 64 characters, so it is left as it is": "; il risultato supererebbe i 64 caratteri, quindi resta com'è",
	", which does not match":                          ", che non corrisponde",
	"; an emergency number is left as it is":          "; un numero di emergenza resta com'è",
	"an emergency number is left as it is":            "un numero di emergenza resta com'è",
	"; nothing would be left, so it is left as it is": "; non resterebbe nulla, quindi resta com'è",
	"; the number does not fit":                       "; il numero non è adatto",

	// Block list.
	"The number begins with %q, which is on the block list.":   "Il numero comincia con %q, che è nella blocklist.",
	"An emergency call passes the block list.":                 "Una chiamata di emergenza passa la blocklist.",
	"The customer is transparent: the block list only counts.": "Il cliente è in modalità trasparente: la blocklist conta soltanto.",
	"None of %d entries of the block list forbids it.":         "Nessuna delle %d voci della blocklist la vieta.",

	// Phones.
	"It goes to the phone of %s, in place of destinations.":         "Va al telefono di %s, invece che a destinazioni.",
	"It goes to %d phones of %s at once, in place of destinations.": "Va a %d telefoni di %s insieme, invece che a destinazioni.",
	"The SIP user %s registers here.":                               "L'utente SIP %s si registra qui.",

	// Route.
	"The host of the Request-URI is a foreign one: the request goes there.": "L'host della Request-URI è estraneo: la richiesta va là.",
	"It goes there.":                       "Va là.",
	"%d to try, %s.":                       "%d da provare, %s.",
	"balanced":                             "con bilanciamento",
	"by priority":                          "per priorità",
	"%s is a DID that leads to a switch. ": "%s è un DID che porta a uno switch. ",
	"The SIP user is a smart extension: it goes to the destination marked class 5. ": "L'utente SIP è una smart extension: va alla destinazione class 5. ",
	"None of %d routing rules matches. ":                                             "Nessuna delle %d regole di routing corrisponde. ",
	"None of %d routing rules matches: group %d. ":                                   "Nessuna delle %d regole di routing corrisponde: gruppo %d. ",
	"Routing rule %q (%s, %s %q) leads to group %d. ":                                "La regola di routing %q (%s, %s %q) porta al gruppo %d. ",
	"Emergency calls go to group %d. ":                                               "Le chiamate di emergenza vanno al gruppo %d. ",
	"There are no routing rules: group %d. ":                                         "Non ci sono regole di routing: gruppo %d. ",
	"Destination groups are off, so routing rules are ignored: group %d. ":           "I gruppi di destinazioni sono spenti, quindi le regole di routing non valgono: gruppo %d. ",
	"Tried as number %d.":                                                            "Provata come numero %d.",
	" It is down, as all of them are.":                                               " È fuori servizio, come tutte.",
	"Not tried. ":                                                                    "Non provata. ",

	// Reserve.
	" Limit of %s.":         " Limite: %s.",
	"%s, %s call":           "%s, %s chiamata",
	"%s, %s calls":          "%s, %s chiamate",
	"%s, %s call a second":  "%s, %s chiamata al secondo",
	"%s, %s calls a second": "%s, %s chiamate al secondo",

	// Ladders.
	" (again)":                             " (di nuovo)",
	"passed: %s":                           "passata: %s",
	"let pass: %s %s":                      "lasciata passare: %s %s",
	"refused without an answer, %s: %s %s": "rifiutata senza risposta, %s: %s %s",
	"refused with %d, %s: %s %s":           "rifiutata con %d, %s: %s %s",
	"goes to %s":                           "va a %s",
	"goes on":                              "prosegue",
	"%d more messages are not kept":        "altri %d messaggi non sono conservati",
	"answered after %.3f s, ended after %.3f s by %s%s": "risposta dopo %.3f s, finita dopo %.3f s da %s%s",
	"ended with %d after %.3f s by %s%s":                "finita con %d dopo %.3f s da %s%s",
}

// italianKept is read-only: fixed English texts that records and messages hold.
var italianKept = map[string]string{
	// Whose limit it is, and who ended a call.
	"platform": "piattaforma", "company": "azienda", "customer": "cliente", "switch": "switch", "user": "utente", "emergency": "emergenza",
	"caller": "chiamante", "callee": "chiamato", "tollgate": "tollgate",

	// What bans say that Tollgate made by itself (internal/threat).
	"A stranger: more than 20 requests within 10 s for nobody here.":              "Un estraneo: più di 20 richieste in 10 s per nessuno che sia qui.",
	"A scanner, by the mark that it puts into its requests.":                      "Uno scanner, dal segno che mette nelle sue richieste.",
	"10 users within 60 s that do not exist, or whose password it does not know.": "In 60 s 10 utenti che non esistono, o di cui non sa la password.",
	"10 wrong passwords within 60 s.":                                             "10 password sbagliate in 60 s.",
	"One of 10 wrong passwords for one user within 60 s.":                         "Una di 10 password sbagliate per un utente in 60 s.",

	// Why a message is malformed (sip/validate.go).
	"Bad CSeq":                         "CSeq non valido",
	"Bad Call-ID":                      "Call-ID non valido",
	"Bad Content-Length":               "Content-Length non valido",
	"Bad Contact":                      "Contact non valido",
	"Bad From":                         "From non valido",
	"Bad Record-Route":                 "Record-Route non valido",
	"Bad Route":                        "Route non valido",
	"Bad To":                           "To non valido",
	"Bad Header Line":                  "Riga di header non valida",
	"Bad Max-Forwards":                 "Max-Forwards non valido",
	"Bad Request-URI":                  "Request-URI non valida",
	"Bad Start Line":                   "Prima riga non valida",
	"Bad Via":                          "Via non valido",
	"Bad Via Branch":                   "Branch di Via non valido",
	"Bad Via Parameter":                "Parametro di Via non valido",
	"Body Shorter Than Content-Length": "Corpo più corto di Content-Length",
	"CR Without LF":                    "CR senza LF",
	"LF Without CR":                    "LF senza CR",
	"CSeq Method Mismatch":             "Il metodo di CSeq è un altro",
	"Control Character in Header":      "Carattere di controllo in un header",
	"Duplicate Header Field":           "Header ripetuto",
	"Headers in Request-URI":           "Header nella Request-URI",
	"No CSeq":                          "Manca CSeq",
	"No Call-ID":                       "Manca Call-ID",
	"No Empty Line After Headers":      "Manca la riga vuota dopo gli header",
	"No From":                          "Manca From",
	"No To":                            "Manca To",
	"No Via":                           "Manca Via",
	"Too Many Header Fields":           "Troppi header",
	"Unsupported URI Scheme":           "Schema di URI non servito",
	"Version Not Supported":            "Versione non servita",
	"Via Is the Broadcast Address":     "Via è l'indirizzo di broadcast",
}
