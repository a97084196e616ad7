package policy

// Language is one in which sentences exist.
type Language uint8

// The languages.
const (
	English Language = iota
	Italian
)

// In is the explanation for people in a language.
func (r Reason) In(l Language) string {
	if l == Italian && r < reasonCount && italian[r] != "" {
		return italian[r]
	}
	return r.Sentence()
}

// ReasonOf finds a reason by its code; false: there is none such, or not any more.
func ReasonOf(code string) (Reason, bool) {
	for r := range reasonTable {
		if reasonTable[r].code == code {
			return Reason(r), true
		}
	}
	return 0, false
}

// italian is read-only; a sentence for each Reason, as in reasonTable.
var italian = [reasonCount]string{
	OK: "La richiesta prosegue.",

	UnknownDomain:          "Nessun cliente ha il dominio della richiesta, e la sua origine non è la destinazione di nessuno.",
	StrangerSource:         "La richiesta non indica alcun dominio, e la sua origine non è la destinazione di nessuno.",
	SharedDestinationClash: "Più clienti hanno questo indirizzo, e né un dominio in Request-URI, From o P-Asserted-Identity né il numero chiamante dicono quale sia inteso.",
	WrongProtocol:          "L'origine è un'autenticazione IP del cliente, che deve usare un altro protocollo.",
	TechPrefixUnknown:      "L'origine è un'autenticazione IP, e il numero non comincia con il prefisso tecnico che deve avere.",
	CLIUnknown:             "L'origine è un'autenticazione IP che si riconosce dai numeri chiamanti, e questo non è di nessuno.",
	EntryClash:             "Le autenticazioni IP di più clienti contengono l'origine, e né DID né prefisso tecnico né numero chiamante dicono quale sia inteso.",

	ForeignToken: "La richiesta indica la registrazione di un telefono di un cliente, e non arriva da una delle sue destinazioni.",

	Banned: "L'origine è bannata.",

	Firewalled: "Una regola firewall del cliente scarta richieste come questa.",

	Challenged:           "Si chiede una password, come a chiunque si presenti come utente del cliente.",
	StaleNonce:           "La password è chiesta di nuovo: la risposta era troppo vecchia, o la domanda era stata fatta a un altro indirizzo.",
	Replayed:             "La password è chiesta di nuovo: questa risposta era già stata data.",
	WrongPassword:        "Non esiste questo utente SIP, o la password non è la sua.",
	DigestAlgorithm:      "La password è stata data con un algoritmo digest che il cliente non accetta.",
	CredentialsElsewhere: "La password è stata data per un'altra richiesta.",
	UserAddress:          "L'utente SIP non può presentarsi da questo indirizzo.",
	UserProtocol:         "L'utente SIP deve usare un altro protocollo.",
	IdentityNotOwned:     "L'utente SIP parla a nome di altri: non con il suo nome né con uno dei suoi numeri nei domini del cliente.",

	Blocklisted: "Il numero è nella blocklist del cliente.",
	Antifraud:   "È stata raggiunta la soglia antifrode del cliente: troppe chiamate o richieste di un chiamante verso quasi lo stesso numero.",

	NoRoute:                    "Il gruppo di destinazioni è vuoto.",
	NoDestination:              "Non resta alcuna destinazione: le altre sono disattivate o sono il chiamante stesso.",
	AllDestinationsDown:        "Nessuna destinazione l'ha accettata: chi ha risposto l'ha fatto come un server fuori servizio o sovraccarico (500, 502, 503, 504).",
	MediaEncryptionUnavailable: "Le sole destinazioni rimaste vogliono media cifrati (tls+srtp), per i quali serve il media bridging.",
	ForeignHost:                "Il PBX ha chiamato un host estraneo, e l'impostazione \"outbound\" del cliente è \"customer\".",
	HeaderTooLong:              "Un header che le regole esaminano supera 1 KiB, o è troppo lungo per così tante espressioni regolari.",
	URITooLong:                 "La Request-URI, che le regole esaminano, supera 1 KiB, o è troppo lunga per così tante espressioni regolari.",

	DestinationDisabled: "La destinazione è disattivata.",
	DestinationDown:     "La destinazione è fuori servizio.",
	DestinationIsSource: "La destinazione è quella da cui è arrivata la richiesta.",
	DestinationSurplus:  "Più di 16 destinazioni; questa viene dopo di esse.",
	DestinationIsSwitch: "Restano solo switch, e nessuno ha provato chi chiama: dove gli utenti SIP si registrano qui, un tale chiamante raggiunge utenti e DID, ma non esce da alcuno switch.",

	PhoneUnreachable:        "La registrazione del telefono è terminata, o la sua connessione non c'è più.",
	PhoneIsSource:           "L'unico telefono di questo indirizzo è quello da cui è arrivata la richiesta.",
	RegisterFromDestination: "Una destinazione ha chiesto una registrazione: qui si registrano solo i telefoni.",
	UserNotRegistered:       "Nessun telefono dell'utente SIP ha una registrazione attiva.",
	NoClass5:                "Le chiamate dell'utente SIP vanno alla destinazione class 5, e nessuna lo è.",
	BadRegistration:         "Il REGISTER chiede ciò che non si può registrare: i suoi Contact, il Path o il To non si possono accettare così come sono.",
	ForeignRegistration:     "Il REGISTER non è per un utente in uno dei domini del cliente.",
	RegistrationTooBrief:    "Il telefono chiede una registrazione di meno di un minuto.",
	RegistrationLate:        "Il REGISTER non ha un CSeq più alto di uno precedente con lo stesso Call-ID.",
	TooManyBindings:         "L'utente ha 32 telefoni registrati, o il cliente 200.000: non c'è posto per un altro.",
	RegistrationRefused:     "Il PBX ha rifiutato la registrazione.",

	CallLimit:     "È raggiunto il limite di chiamate del cliente.",
	CompanyLimit:  "È raggiunto il limite di chiamate dell'azienda.",
	PlatformLimit: "È raggiunto il limite di chiamate della piattaforma.",
	SwitchLimit:   "I canali dello switch sono tutti occupati.",
	UserLimit:     "I canali dell'utente SIP sono tutti occupati.",
	ProfileLimit:  "I canali del profilo dell'utente SIP sono tutti occupati.",
	RateLimit:     "Troppe chiamate nuove al secondo.",

	BadMessage:        "Il messaggio non rispetta le regole di SIP.",
	TooBig:            "Il messaggio è troppo grande.",
	BadExtension:      "La richiesta esige un'estensione che qui non è servita.",
	UnsupportedScheme: "La Request-URI non è né sip:, né sips:, né tel:.",
	MethodNotServed:   "Qui il metodo non è servito.",
	MaxForwards:       "Max-Forwards è esaurito.",
	Loop:              "La richiesta è tornata indietro in un ciclo.",
	NoDialog:          "La richiesta appartiene a una chiamata che non esiste.",

	InitialTimeout:  "Nessuna destinazione ha dato in tempo una risposta provvisoria.",
	InviteTimeout:   "La chiamata non ha avuto risposta in tempo.",
	MaxCall:         "La chiamata ha raggiunto la durata massima.",
	SessionExpired:  "La sessione non è stata rinnovata in tempo.",
	Canceled:        "Il chiamante ha rinunciato.",
	TransportFailed: "Non si è riusciti a inviare la richiesta ad alcuna destinazione.",
	SwitchChallenge: "Lo switch ha chiesto una password in un modo a cui non si deve rispondere, o non ha accettato quella impostata.",
	NoCodecLeft:     "Tutti i codec audio dell'offerta sono vietati per una delle parti.",
	BadSession:      "La descrizione della sessione non si può leggere, o non corrisponde all'offerta.",

	EncryptedInClear:  "È offerto SRTP, e le sue chiavi sono arrivate in chiaro: serve TLS.",
	EncryptionMissing: "Chi deve usare tls+srtp non offre media cifrati.",
	DTLSOffered:       "È offerta la cifratura DTLS, e le chiamate con media bridging hanno solo SDES.",
	NoMediaPorts:      "Non c'è alcuna porta media libera.",
	MediaTimeout:      "Da troppo tempo non arrivano media da nessuna delle due parti.",
	PartiesGone:       "Dopo un riavvio nessuna delle due parti conosceva più la chiamata.",
	PingUnanswered:    "Una parte non ha risposto a un ping durante la chiamata, o non conosceva più la chiamata.",
	HungUp:            "Un operatore ha chiuso la chiamata.",

	BindingDead:    "La connessione del telefono è caduta, o tre ping di seguito sono rimasti senza risposta.",
	BindingExpired: "Il telefono non ha rinnovato in tempo la registrazione.",
	PhoneSilent:    "Tre ping di seguito al telefono dell'utente SIP sono rimasti senza risposta.",

	Draining:          "Questo nodo non accetta nuove chiamate: sta per essere fermato.",
	ResourceExhausted: "Questo nodo non ha posto per altro.",
	Internal:          "Un errore interno di Tollgate.",
}
