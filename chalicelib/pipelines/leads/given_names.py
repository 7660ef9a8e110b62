"""Frequent given names of Europe and the Americas, to tell a column of people from a column of anything else.

Recognising a third of a column is enough, so the list is short: it says nothing about a single cell, and nothing is
ever corrected or split by it. Lower case, without accents.
"""

from __future__ import annotations

_ENGLISH = """
aaron abigail adam adrian alan albert alex alexander alexandra alexis alfie alice alicia allison alyssa amanda amber
amelia amy andrea andrew angela anna anne anthony archie arthur ashley austin ava barbara beau bella ben benjamin beth
bethany betty beverly blake brandon brenda brian brianna brittany brooke bruce bryan caitlin caleb cameron carl carol
caroline catherine charles charlie charlotte chelsea cheryl chloe chris christian christina christine christopher
cindy claire cole connor cooper courtney craig crystal cynthia daisy dale daniel danielle darren dave david dean
deborah debra denise dennis derek diana diane donald donna dorothy douglas dylan edward eleanor eliza elizabeth ella
ellie emily emma eric erica erin ethan eva evan eve evelyn evie finn florence frances francis frank fred gabriel
gareth gary gemma geoffrey george georgia gerald gina glenn gloria grace graham grant greg gregory hannah harold
harriet harrison harry harvey hayden hayley heather heidi helen henry holly hugh ian imogen isaac isabella isabelle
isla jack jackson jacob jacqueline jade jake james jamie jane janet janice jared jasmine jason jay jayden jean jeff
jeffrey jenna jennifer jenny jeremy jerry jesse jessica jill jim joan joanna joanne joe joel john johnny jonathan
jordan joseph josh joshua joy joyce juan judith judy julia julian julie justin karen kate katherine kathleen kathryn
katie kayla keith kelly ken kenneth kerry kevin kim kimberly kirsty kyle kylie lachlan larry laura lauren lawrence
leah lee leo leon lewis liam lily linda lisa logan lois lori louis louise luca lucas lucy luke lynn mackenzie
madeleine madeline madison maggie marcus margaret maria marie marilyn mark martha martin mary mason matilda matt
matthew max megan melanie melissa mia michael michelle miles millie mitchell molly monica morgan nancy naomi natalie
natasha nathan neil nicholas nick nicola nicole noah norman olive oliver olivia oscar owen paige pamela patricia
patrick paul paula peggy peter philip phillip phoebe phyllis poppy rachel ralph ray raymond rebecca reece renee rhys
richard riley rita rob robert robin rodney roger ronald rory rose ross roy ruby russell ruth ryan sally sam samantha
samuel sandra sara sarah scarlett scott sean sebastian shane shannon sharon shaun sheila shirley simon sophia sophie
stacey stanley stella stephanie stephen steve steven stuart sue summer susan suzanne tara taylor teresa terry thea
theo theresa thomas tiffany tim timothy toby todd tom tony tracey tracy travis trevor tyler valerie vanessa vicki
victor victoria vincent violet virginia walter wayne wendy wesley william willow xavier yvonne zac zach zachary zara
zoe
"""
_GERMAN_DUTCH_NORDIC = """
achim aksel albrecht alexandra alois anders andre andreas anja anke ann annette annika antje antonia armin arne arno
arvid asa asger astrid axel bart bas bastian beate benedikt bernd bernhard bettina birgit birgitta birte bjorn bo
bodil bodo bram brigitte britt britta carina carsten christa christel christoph claudia clemens cornelia daan dagmar
daniela detlef dieter dietmar dirk dominik doris ebba eckhard edith einar elfriede elin elke ellen elsa emil erich
erik erika ernst esben esther eugen eva fabian felix femke ferdinand finja florian frank franz franziska frauke freja
frida friedrich fritz gabriele geir georg gerd gerhard gerrit gertrud gisela gitte gregor greta gudrun gunilla gunnar
gunter gunther gustav hakon hanna hanne hannelore hannes hans harald hartmut hege heike heiko heiner heinrich heinz
helga helge helle helmut hendrik henrik herbert hermann hilde hildegard holger horst hubert ilse ines inga ingeborg
inger ingo ingrid ingvar irene iris irmgard ivar jacob jan jana janine jens jeroen jesper joachim johan johann johanna
johannes jonas jorg jorgen jost jukka julius jurgen jutta kai kaisa kalle kari karin karl karsten kasper kathrin katja
katrin kees kerstin kirsi kirsten kjell klaas klaus knut konrad kristian kristin kristina kurt lars lasse leif lena
leonie linnea linus liv lone lothar ludwig luise lukas lutz maarten mads magnus maike maja malin manfred manuela
mareike margarete margit marianne marion marit markus marlene marlies martina mathias mats matthias mattias maximilian
mechthild meike mette mikael mikko mirjam monika moritz morten nadine niels niklas nils nina norbert odd ola olaf olav
ole oliver oskar otto oyvind paivi palle paulina pekka per pernille peter petra petteri philipp pia pieter pim poul
rainer ralf rasmus regina reinhard reinhold renate rene rikke roar robin roland rolf rosemarie rudi rudolf rune rutger
ruth sabine sander sandra sanne sascha sebastian siegfried signe sigrid sigurd silke silvia simon simone siri sjoerd
solveig sonja soren stefan stefanie steffen stig stine sune susanne svein sven svenja tanja tarja terje thea theodor
thijs thor thorsten tiina tilman timo tobias tone tor torben tore torsten trine trond tuomas udo ulf ulla ulrich
ulrika ulrike ursula ute uwe vera verena vibeke viktor ville volker walter waltraud werner wilfried wilhelm willem wim
wolfgang yannick
"""
_ROMANCE = """
adele adina adrian adriana adriano adrien agathe agnes agustin alain alba albane alberto alejandra alejandro alexandre
alexandrine alexandru alexis alfonso alfredo alicia alin alina aline alvaro amandine amparo ana anais andre andreea
andrei andres angel angeles angelo anne antoine antonella antonia antonio araceli arnaud arthur arturo audrey aurelie
aurora baptiste beatrice beatriz belen benito benoit bernard bertrand bogdan brigitte bruna bruno caio camila camille
carla carlo carlos carmela carmen carolina caroline catalin catarina catherine cecile cecilia celia celine chantal
charlene chiara christelle christian christine christophe ciprian claire claude claudio claudiu clemence clement
colette constantin consuelo corina corinne cosmin cristi cristian cristiano cristina cristobal damien dan daniel
daniela danielle dario david delphine denis diana didier diego doina dolores domenico dominique dorin dragos duarte
edouard eduarda eduardo elena eleonora elisa elisabetta elise elodie emil emilia emilie emilio emmanuel emmanuelle
enrico enrique eric ernesto esperanza esteban estelle etienne eugenie eugenio ezequiel fabien fabienne fabio fabiola
fabrice fabrizio fanny federica federico felipe fernanda fernando filipa filippo flavia flavio florence florentina
florian florin francesca francesco francisca francisco franck francois francoise frederic gabriel gabriela gabriele
gael gema genevieve george georges gerard gheorghe giacomo gianluca gianni gilles giorgia giorgio giovanna giovanni
giulia giulio giuseppe gloria gonzalo graciela gregorio guadalupe guido guilherme guillaume guillermo gustavo guy
hector helena helene hernan herve horia hugo ignacio ileana ilie ines inmaculada ioana ion ionel ionut irene irina
isabel isabelle iulia iulian ivan jacqueline jacques jaime javier jean jeanne jerome jesus joana joao joaquim joaquin
joel jordi jorge jose josefa juan juana julia juliana julie julien juliette julio karine laetitia laura laurence
laurent lea leandro leon leonardo leonor leticia liliana liviu loic loredana lorena lorenzo lou louis lourdes luc luca
lucia lucian luciana luciano lucie ludovic luigi luis luisa luiz madeleine manon manuel manuela marc marcel marcela
marcelo marco marcos margarida margarita margaux maria marian mariana mariano marie marina mario marion marius marta
martina martine massimo mathieu mathilde matias matteo maurice mauricio maurizio mauro maxime melanie mercedes michel
michele miguel mihaela mihai milagros mircea mireille mirela miriam monica monique montserrat muriel nadia nadine
natalia nathalie nicola nicolas nicoleta noemie nuno nuria oana octavian octavio odile olga olivier oscar ovidiu pablo
paloma paola paolo pascal pascale patrice patricia patrick paula paulo pedro philippe pierre pietro pilar quentin radu
rafael rafaela raluca ramon raphael raquel raul raymond razvan rebeca regis remi renata renaud rene ricardo riccardo
rita robert roberta roberto rocio rodrigo roger rogerio romain rosa rosario roxana ruben rui sabrina salvatore
sandrine sandro santiago sara sebastian sebastien serge sergio severine silvia simona simone sofia sonia sophie sorin
stefan stefania stefano stephane stephanie susana sylvain sylvie tania teodora teresa theo thiago thibault thierry
thomas tiago tomas tudor valentin valentina valeria valerie vanessa vasile vera veronica veronique vicente victor
vincent vincenzo virginia virginie viviana vlad xavier ximena yann yannick yolanda yves yvette
"""
_EASTERN = """
adela aditya agata agnes agnieszka ahmed ahmet ajay aleksandar aleksander aleksandra alena ales alexandros ali alicja
amit ana anastasia andreas andrzej aniko anil anita anjali anna antonis arjun artur arun ashok athanasios attila ayse
balazs balint barbara barbora bartosz beata bela blanka bogdan bohumil bojan bozena branka burak can cem cezary
charalampos christos csaba czeslaw dagmar dalibor damian damir daniel danijel danuta dariusz darko david dawid deepak
dejan dimitra dimitris dino divya dominik dora dorota dragan dusan edit edyta eleni elif eliska elzbieta emine emre
erika erzsebet eva evangelos ewa fatima fatma ferenc filip fotini frantisek gabor gabriella ganesh georgia georgios
gergely giannis giorgos goran grazyna grzegorz gyorgy gyula hakan halil halina hana hanna hasan hassan hatice helena
henryk huseyin ibrahim igor ildiko ilona imre ioanna ioannis ismail istvan ivan ivana ivica ivo iwona izabela jacek
jadwiga jakub jan jana janina janos janusz jarmila jaromir jaroslav jaroslava jaroslaw jelena jerzy jindrich jiri
jitka joanna josef josip jozef jozsef judit julia julianna julie justyna kamil kamila karel karol karolina karoly
katalin katarina katarzyna katerina kavita kazimierz kemal kinga kiran konstantina konstantinos kostas krishna
kristijan kristyna krisztian krisztina krystyna krzysztof ladislav lajos lakshmi laszlo lenka leszek levente libor
libuse lidija ljiljana lubomir lucie ludmila luka lukas lukasz maciej magdalena malgorzata marcela marcin marek maria
marie marija marijana marina mariusz marketa marko marta martin martina marton mate matej mateja mateusz mehmet merve
michaela michal mieczyslaw mihael mihaly miklos milan milos miloslav mirjana miroslav miroslava miroslaw mladen
mohammed monika muhammad murat mustafa natalia neha nemanja nenad nikola nikolaos nikolett nikos omar omer ondrej
orsolya osman ozge panagiotis paraskevi pavel pavla pavlina pawel petar peter petr petra piotr pooja pradeep priya
przemyslaw radek radim radoslaw rafal rahul raj rajesh ravi reka robert rohit roland roman romana ryszard sandor sanja
sanjay sasa sebastian selin serkan seyma shreya silvija sinan slawomir slobodan snezana sofia spyros stanislav
stanislaw stavros stepan stjepan sunil suresh suzana sylwia szabolcs szilvia szymon tadeusz tamas tatjana teresa
tereza tibor tihana timea tolga tomas tomasz tomislav umut urszula vaclav vasiliki vasilis veronika vesna vijay vikram
viktor viktoria vit vladimir vlasta vojtech waldemar wieslaw wiktor wojciech yasmin yusuf zbigniew zdenek zdenka
zdzislaw zeljko zeynep zofia zoltan zoran zorica zsofia zsolt zsuzsanna zuzana zuzanna александр александра алексей
анастасия андрей анна антон артем валентина василий вера виктор виктория виталий владимир галина дарья денис дмитрий
евгений евгения екатерина елена иван игорь ирина ксения лариса людмила максим марина мария михаил надежда наталья
наталія николай оксана олег олександр ольга павел роман светлана сергей сергіи татьяна тетяна юлия юрии яна
"""

GIVEN_NAMES = frozenset(f"{_ENGLISH} {_GERMAN_DUTCH_NORDIC} {_ROMANCE} {_EASTERN}".replace("й", "и").split())
"""About fifteen hundred. Plain letters, as `wording.words` gives them: й without its breve too."""
